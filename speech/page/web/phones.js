// IPA to phones, and phones to a recogniser's symbols. speech/text/phones.py.

import { TextError } from "./alphabet.js";

const SAME = {
  ...{ r: "ɹ", g: "ɡ", ɚ: "əɹ", ɝ: "ɜɹ", ɫ: "l", ɬ: "l", ʦ: "ts", ʧ: "tʃ", ʤ: "dʒ" },
  ...{ "n\u0329": "ən", "l\u0329": "əl", "m\u0329": "əm" },
}; // other notations of one phone, or of two
const MARKS = /[ˈˌː:ʲˑ‿. \u0361\u200d_|-]|\([a-z-]+\)/gu; // stress, length, ties, marks of a language
const alternatives = (some) => [...some].sort((a, b) => b.length - a.length).join("|");
const OTHER = new RegExp(alternatives(Object.keys(SAME)), "gu");

export class Inventory {
  /** `phones` in the order of the output symbols 1, 2, ...; symbol 0 is the CTC blank. */
  constructor(phones) {
    this.phones = phones;
    this.pattern = new RegExp(alternatives(phones), "uy");
  }

  get size() {
    return this.phones.length + 1;
  }

  encode(phones) {
    return phones.map((phone) => {
      const symbol = this.phones.indexOf(phone) + 1;
      if (!symbol) throw new TextError(`${phone}: not among the phones of this recogniser`);
      return symbol;
    });
  }

  decode(symbols) {
    return symbols.filter(Boolean).map((symbol) => this.phones[symbol - 1]);
  }

  /** The phones of an IPA transcription; stress and length are left out. Throws TextError. */
  read(ipa) {
    const plain = ipa.replace(MARKS, "").replace(OTHER, (found) => SAME[found]);
    const found = [];
    for (let at = 0; at < plain.length; at += found.at(-1).length) {
      this.pattern.lastIndex = at;
      const match = this.pattern.exec(plain);
      if (!match)
        throw new TextError(`/${ipa}/: “${String.fromCodePoint(plain.codePointAt(at))}” is not a sound of English: ${this.phones.join(" ")}`);
      found.push(match[0]);
    }
    return found;
  }
}
