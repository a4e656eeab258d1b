// CTC prefix beam search: the likeliest symbol strings of one clip or word. speech/inference/prefix_beam.py.

import { BLANK } from "./alphabet.js";

const SURELY_BLANK = 0.999; // a frame whose blank has more than this is only a gap
const N_SYMBOLS = 5; // the likeliest of a frame

/** At most `width` strings, `{symbols, p}`, of `frames` (score.js), the likeliest first. */
export function nBest(frames, width) {
  let beam = new Map([["", { symbols: [], blank: 1, last: 0 }]]);
  let before = -1;
  for (let t = 0; t < frames.nFrames; t++) {
    const frame = frames.row(t).map(Math.exp);
    if (frame[BLANK] > SURELY_BLANK) continue;
    if (t - before > 1) {
      // After a gap every path ends in a blank.
      for (const one of beam.values()) [one.blank, one.last] = [one.blank + one.last, 0];
    }
    before = t;
    beam = step(beam, frame, likeliest(frame), width);
  }
  return [...beam.values()]
    .map(({ symbols, blank, last }) => ({ symbols, p: blank + last }))
    .filter(({ p }) => p > 0)
    .sort((a, b) => b.p - a.p);
}

function likeliest(frame) {
  const symbols = Array.from(frame.keys()).slice(1);
  return symbols.sort((a, b) => frame[b] - frame[a]).slice(0, N_SYMBOLS);
}

/** The beam after one more frame: each prefix has the probability of its paths that end in a blank, and in its last. */
function step(beam, frame, symbols, width) {
  const next = new Map();
  for (const [key, one] of beam) {
    const last = one.symbols.length ? one.last * frame[one.symbols.at(-1)] : 0;
    next.set(key, { symbols: one.symbols, blank: (one.blank + one.last) * frame[BLANK], last });
  }
  for (const one of beam.values()) {
    for (const symbol of symbols) {
      // A repeat counts only after a blank.
      const grown = (symbol === one.symbols.at(-1) ? one.blank : one.blank + one.last) * frame[symbol];
      const longer = [...one.symbols, symbol];
      const there = next.get(longer.join());
      // A grown prefix may already be in the beam: then its probability is added there.
      if (there) there.last += grown;
      else next.set(longer.join(), { symbols: longer, blank: 0, last: grown });
    }
  }
  const all = [...next].sort(([, a], [, b]) => b.blank + b.last - a.blank - a.last);
  return new Map(all.slice(0, width));
}
