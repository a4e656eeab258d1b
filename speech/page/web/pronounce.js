// The pronunciations of a name: its own, else the dictionary's and the grapheme-to-phoneme model's.
// speech/inference/pronounce.py.

import { isIpa } from "./names.js";
import { words } from "./spelling.js";

const N_KNOWN = 8; // pronunciations, at most, that the dictionary gives for a name of several words

/** The CMU Pronouncing Dictionary: lines of a word, a tab, and its pronunciations separated by |, phones by spaces. */
export class Dictionary {
  constructor(text) {
    this.text = `\n${text}`;
  }

  lookUp(word) {
    const start = this.text.indexOf(`\n${word}\t`);
    if (start < 0) return [];
    const line = this.text.slice(start + word.length + 2, this.text.indexOf("\n", start + 1));
    return line.split("|").map((one) => one.split(" "));
  }

  /**
   * The pronunciations of `text`, equally probable; none if the dictionary lacks one of its words. Two capitals that
   * are not in the dictionary (TJ) are said letter by letter.
   */
  pronunciations(text) {
    const initials = (text.match(/\b[A-Z]{2}\b/g) ?? []).map((one) => one.toLowerCase());
    const known = words(text).flatMap((word) => {
      const found = this.lookUp(word.replaceAll("ß", "ss"));
      return found.length || !initials.includes(word) ? [found] : [...word].map((letter) => this.lookUp(letter));
    });
    let phrases = known.length ? [[]] : [];
    // Limited after each word: a pasted sentence has millions of pronunciations.
    for (const some of known)
      phrases = phrases.flatMap((phrase) => some.map((one) => [...phrase, ...one])).slice(0, N_KNOWN);
    return phrases.map((phones) => ({ phones, probability: 1 / phrases.length }));
  }
}

/** The `{phones, probability}` of each of `names` (`{text, say}`), the likeliest first. Throws TextError. */
export async function pronounce(names, { g2p, dictionary }) {
  const textsOf = (name) => (name.say.length ? name.say : [name.text]);
  const texts = [...new Set(names.flatMap(textsOf).filter((text) => !isIpa(text)))];
  const guessed = texts.length ? await g2p.pronunciationsOf(texts) : [];
  const read = new Map(texts.map((text, i) => [text, mixed(dictionary.pronunciations(text), guessed[i])]));
  return names.map((name) => {
    const spoken = textsOf(name);
    const total = new Map();
    for (const text of spoken) {
      const some = isIpa(text) ? [{ phones: g2p.inventory.read(text.slice(1, -1)), probability: 1 }] : read.get(text);
      for (const { phones, probability } of some) {
        const one = total.get(phones.join(" ")) ?? { phones, probability: 0 };
        one.probability += probability / spoken.length;
        total.set(phones.join(" "), one);
      }
    }
    return [...total.values()].sort((a, b) => b.probability - a.probability);
  });
}

/** Both, each with half of the probability, if there are `known` ones. */
function mixed(known, guessed) {
  const half = known.length ? 0.5 : 1;
  return [...known, ...guessed].map(({ phones, probability }) => ({ phones, probability: probability * half }));
}
