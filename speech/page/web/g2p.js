// Pronunciations of names of unknown language, by the grapheme-to-phoneme model. speech/inference/g2p.py.

import { TextError } from "./alphabet.js";
import { Tensor } from "./onnx.js";
import { Inventory } from "./phones.js";
import { nBest } from "./prefix_beam.js";
import { Frames } from "./score.js";
import { N_MARKS, encode, words } from "./spelling.js";

const FORMAT = "1";
const N_PRONUNCIATIONS = 8; // of a name, at most
const N_VARIETIES = 8; // the likeliest varieties, in which a name is read
const LEAST_VARIETY = 0.02; // times the probability of the likeliest variety: less likely ones are not read
const WIDTH = 6; // of the beam
const BATCH = 64; // words that are read at once; between two batches the page is drawn
// Phones that differ only in notation: of two pronunciations that differ only in these, the likelier stands for both.
const ONE_NOTATION = { ɑ: "a", ɐ: "a", ɒ: "ɔ", o: "ɔ", e: "ɛ", ᵻ: "ɪ", i: "ɪ", ʉ: "u", ʊ: "u", ɜ: "ə" };

export class G2P {
  /** `model` is what onnx.js opened. */
  constructor(model) {
    const { metadata } = model;
    if (metadata.kind !== "g2p" || metadata.format !== FORMAT)
      throw new Error(`g2p.onnx: not a grapheme-to-phoneme model of format ${FORMAT}: run “make page” again`);
    this.model = model;
    this.letters = metadata.letters;
    this.marks = metadata.marks;
    this.inventory = new Inventory(JSON.parse(metadata.phones));
    this.logPrior = Object.values(JSON.parse(metadata.varieties)).map((p) => Math.log(Math.max(p, 1e-6)));
    this.framesPerLetter = Number(metadata.frames_per_letter);
    const { phones } = this.inventory;
    this.notation = phones.map((phone) => {
      while (phones.includes(ONE_NOTATION[phone])) phone = ONE_NOTATION[phone];
      return phones.indexOf(phone) + 1;
    });
  }

  /** At most eight `{phones, probability}` of each of `names`, the likeliest first. Throws TextError. */
  async pronunciationsOf(names) {
    const parts = names.map((name) => this.#encode(name));
    const distinct = new Map(parts.flat().map((word) => [word.text, word]));
    const varieties = await this.#logVarieties([...distinct.values()]);
    const chosen = parts.map((some) => this.#choose(some.map((word) => varieties.get(word.text))));
    const pairs = new Map();
    parts.forEach((some, i) => {
      for (const v of chosen[i].keys()) for (const word of some) pairs.set(`${word.text} ${v}`, { word, v });
    });
    const read = await this.#read(pairs);
    return parts.map((some, i) => this.#mixture(some, chosen[i], read));
  }

  #encode(name) {
    const some = words(name);
    if (!some.length) throw new TextError(`“${name}” has no letter in it: write the name as it is spelt`);
    return some.map((text) => ({ text, ...encode(text, this.letters, this.marks) }));
  }

  /** Log-probabilities of the varieties of each word, by its text. */
  async #logVarieties(many) {
    const found = new Map();
    for (const some of batches(many, (word) => word)) {
      const [tensor] = await this.model.run(inputs(some, some.map(() => 0)), ["varieties"]);
      const n = this.logPrior.length;
      some.forEach((word, i) => found.set(word.text, Array.from(tensor.data.subarray(i * n, (i + 1) * n))));
      tensor.dispose();
    }
    return found;
  }

  /**
   * The likeliest varieties of a whole name, with their probabilities; all of its words share a variety.
   * Words are independent given the variety: p(v | words) ~ p(v) prod p(v | word) / p(v).
   */
  #choose(ofWords) {
    const logProbs = this.logPrior.map(
      (prior, v) => ofWords.reduce((sum, one) => sum + one[v], 0) - (ofWords.length - 1) * prior,
    );
    const most = Math.max(...logProbs);
    const probs = logProbs.map((one) => Math.exp(one - most));
    const total = probs.reduce((a, b) => a + b, 0);
    const likeliest = [...probs.keys()].sort((a, b) => probs[b] - probs[a]).slice(0, N_VARIETIES);
    return new Map(likeliest.filter((v) => probs[v] >= LEAST_VARIETY).map((v) => [v, probs[v] / total]));
  }

  /** The likeliest phones, as symbols, of each word in a variety. */
  async #read(pairs) {
    const found = new Map();
    for (const some of batches([...pairs], ([, { word }]) => word)) {
      const asked = inputs(some.map(([, { word }]) => word), some.map(([, { v }]) => v));
      const [tensor] = await this.model.run(asked, ["log_probs"]);
      const [, nFrames, nSymbols] = tensor.dims;
      some.forEach(([key, { word }], i) => {
        const data = Float64Array.from(tensor.data.subarray(i * nFrames * nSymbols, (i + 1) * nFrames * nSymbols));
        found.set(key, nBest(new Frames(data, word.symbols.length * this.framesPerLetter, nSymbols), WIDTH));
      });
      tensor.dispose();
    }
    return found;
  }

  /** The likeliest phones of a name: its words' phones, concatenated, with probabilities summed over varieties. */
  #mixture(parts, varieties, read) {
    const total = new Map();
    for (const [v, probability] of varieties) {
      for (const { symbols, p } of combined(parts.map((word) => read.get(`${word.text} ${v}`)))) {
        if (!symbols.length) continue;
        const one = total.get(symbols.join()) ?? { symbols, p: 0 };
        one.p += probability * p;
        total.set(symbols.join(), one);
      }
    }
    const merged = new Map();
    for (const { symbols, p } of [...total.values()].sort((a, b) => b.p - a.p)) {
      const key = symbols.map((symbol) => this.notation[symbol - 1]).join();
      const one = merged.get(key) ?? { symbols, p: 0 };
      one.p += p;
      merged.set(key, one);
    }
    const best = [...merged.values()].sort((a, b) => b.p - a.p).slice(0, N_PRONUNCIATIONS);
    const whole = best.reduce((sum, { p }) => sum + p, 0);
    return best.map(({ symbols, p }) => ({ phones: this.inventory.decode(symbols), probability: p / whole }));
  }
}

/** Batches of about the same length, so that little of a batch is padding. */
function* batches(many, word) {
  const sorted = [...many].sort((a, b) => word(a).symbols.length - word(b).symbols.length);
  for (let start = 0; start < sorted.length; start += BATCH) yield sorted.slice(start, start + BATCH);
}

function inputs(many, varieties) {
  const longest = Math.max(...many.map((word) => word.symbols.length));
  const letters = new BigInt64Array(many.length * longest);
  const marks = new BigInt64Array(letters.length * N_MARKS);
  many.forEach((word, row) => {
    word.symbols.forEach((symbol, i) => (letters[row * longest + i] = BigInt(symbol)));
    word.marks.flat().forEach((mark, i) => (marks[row * longest * N_MARKS + i] = BigInt(mark)));
  });
  const int64 = (data, dims) => new Tensor("int64", data, dims);
  return {
    letters: int64(letters, [many.length, longest]),
    marks: int64(marks, [many.length, longest, N_MARKS]),
    n_letters: int64(BigInt64Array.from(many, (word) => BigInt(word.symbols.length)), [many.length]),
    variety: int64(BigInt64Array.from(varieties, BigInt), [many.length]),
  };
}

/** The likeliest sequences with one string from each part. */
function combined(parts) {
  return parts.reduce(
    (found, part) =>
      found
        .flatMap((one) => part.map((more) => ({ symbols: [...one.symbols, ...more.symbols], p: one.p * more.p })))
        .sort((a, b) => b.p - a.p)
        .slice(0, WIDTH),
    [{ symbols: [], p: 1 }],
  );
}
