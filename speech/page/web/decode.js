// CTC decoding of one clip's log-probabilities to symbols. speech/inference/decode.py.

import { BLANK } from "./alphabet.js";
import { logSum } from "./score.js";

/** The spelling of a path with one symbol per frame: repeats are merged, then blanks removed. */
export const collapse = (path) => path.filter((symbol, i) => symbol !== BLANK && (i === 0 || path[i - 1] !== symbol));

/** The likeliest symbol of each frame, collapsed. */
const greedy = (frames) => collapse(frames.best());

/** Prefix beam search (Graves 2012; Hannun 2014): the likeliest spelling, summed over its paths. */
export const beam = (width) => (frames) => {
  let prefixes = new Map([["", { symbols: [], blank: 0, letter: -Infinity }]]);
  for (let t = 0; t < frames.nFrames; t++) {
    const grown = new Map();
    const at = (symbols) => {
      const key = symbols.join();
      if (!grown.has(key)) grown.set(key, { symbols, blank: -Infinity, letter: -Infinity });
      return grown.get(key);
    };
    for (const { symbols, blank, letter } of prefixes.values()) {
      const either = logSum([blank, letter]);
      const same = at(symbols);
      frames.row(t).forEach((logP, symbol) => {
        if (symbol === BLANK) {
          same.blank = logSum([same.blank, either + logP]);
          return;
        }
        const longer = at([...symbols, symbol]);
        const repeated = symbol === symbols.at(-1);
        if (repeated) same.letter = logSum([same.letter, letter + logP]);
        longer.letter = logSum([longer.letter, (repeated ? blank : either) + logP]);
      });
    }
    const total = ([, one]) => logSum([one.blank, one.letter]);
    prefixes = new Map([...grown].sort((a, b) => total(b) - total(a)).slice(0, width));
  }
  return prefixes.values().next().value.symbols;
};

/** The decoder that a recogniser's metadata name. */
export function decoderOf({ _target_: target, width }) {
  const made = { "speech.inference.decode.Greedy": () => greedy, "speech.inference.decode.Beam": () => beam(width ?? 16) };
  if (!made[target]) throw new Error(`decoder ${target} is not one that this page has: export the recogniser with decoder=greedy`);
  return made[target]();
}
