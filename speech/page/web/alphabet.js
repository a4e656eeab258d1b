// Letters to integers and back; symbol 0 is the CTC blank. speech/text/alphabet.py.

export const BLANK = 0;
export const APOSTROPHES = "’ʼ`´‘ʻʽ′ʾʿ‛ꞌ＇"; // of any language: the okina of Hawaiian and the hamza of Arabic, too

/** A text that cannot be written or said. */
export class TextError extends Error {}

// Latin letters (and typographic marks) that Unicode does not decompose into a plain letter and a mark.
const PLAIN = { ß: "ss", æ: "ae", œ: "oe", ø: "o", ð: "d", þ: "th", ł: "l", đ: "d", ħ: "h", ı: "i" };
for (const mark of APOSTROPHES) PLAIN[mark] = "'";
for (const mark of "-‐‑–_") PLAIN[mark] = " ";

const translated = (text) => Array.from(text, (c) => PLAIN[c] ?? c).join("");

/** `text` in lower case and without marks, whatever its characters: texts of the same name become equal. */
export function plainLetters(text) {
  const decomposed = translated(text.toLowerCase()).normalize("NFKD");
  return translated(decomposed.replace(/\p{M}/gu, "")).split(/\s+/).filter(Boolean).join(" ");
}

/** A character for a message; an invisible one is shown by its number. */
function shown(c) {
  return /\p{C}/u.test(c) ? `the invisible U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}` : `“${c}”`;
}

export class Alphabet {
  /** The letters that a recogniser spells: output symbols 1, 2, ... */
  constructor(letters) {
    this.letters = letters;
  }

  /** Number of output symbols, the blank included. */
  get size() {
    return this.letters.length + 1;
  }

  /** `text` in this alphabet. Throws TextError, naming the characters, if some cannot be written in it. */
  fold(text) {
    const folded = plainLetters(text);
    const foreign = [...new Set(folded)].filter((c) => !this.letters.includes(c)).sort();
    if (foreign.length)
      throw new TextError(`“${text}” has ${foreign.map(shown).join(" ")}, which the recogniser cannot write: respell it`);
    if (!/\p{L}/u.test(folded)) throw new TextError(`“${text}” has no letter in it: write the name as it is spelt`);
    return folded;
  }

  encode(text) {
    return Array.from(this.fold(text), (letter) => this.letters.indexOf(letter) + 1);
  }

  decode(symbols) {
    return symbols.map((symbol) => this.letters[symbol - 1]).join("");
  }
}
