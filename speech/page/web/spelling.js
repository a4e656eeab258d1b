// Letters with their marks to integers: what the grapheme-to-phoneme model reads. speech/text/spelling.py.

import { APOSTROPHES, TextError } from "./alphabet.js";

export const N_MARKS = 2; // at most, of a letter
const APART = /[\s\-‐‑–_.,/·]+/u;
const WRITTEN = { İ: "i", ƀ: "b", ƴ: "y", ǝ: "ə", ĸ: "k", ŀ: "l", ɨ: "i", ʉ: "u", ɩ: "i", ŧ: "t" };
for (const mark of APOSTROPHES) WRITTEN[mark] = "'";

const lower = (text) =>
  Array.from(text.replaceAll("İ", "i").toLowerCase(), (c) => WRITTEN[c] ?? c).join("");

/** The words of `text` in lower case, separated by white space, hyphens or full stops; an apostrophe is a letter. */
export function words(text) {
  return lower(text)
    .split(APART)
    .filter((word) => word.replaceAll("'", ""));
}

/** The symbols of the letters of `word`, and of each one's marks. Throws TextError, naming what it cannot read. */
export function encode(word, letters, marks) {
  const symbols = [];
  const own = [];
  for (const character of lower(word).normalize("NFKD")) {
    if (/\p{M}/u.test(character)) {
      if (marks.includes(character) && own.length && own.at(-1).length < N_MARKS)
        own.at(-1).push(marks.indexOf(character) + 1);
    } else if (letters.includes(character)) {
      symbols.push(letters.indexOf(character) + 1);
      own.push([]);
    } else {
      throw new TextError(`“${word}” has “${character}”, which is not a Latin letter: write it in Latin letters`);
    }
  }
  if (!symbols.length) throw new TextError(`“${word}” has no letter in it: write the name as it is spelt`);
  return { symbols, marks: own.map((some) => [some[0] ?? 0, some[1] ?? 0]) };
}
