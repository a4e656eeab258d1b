// The exact CTC log-probability of each text of a list: the forward recursion. speech/inference/score.py.
//
// alpha[t, s] = (alpha[t-1, s] + alpha[t-1, s-1] + [skip s] alpha[t-1, s-2]) p[t, state s]   (Graves et al. 2006)

import { BLANK } from "./alphabet.js";

/** One output of the network for one clip: log p in nats, `data` in `nFrames` rows of `nSymbols`. */
export class Frames {
  constructor(data, nFrames, nSymbols) {
    Object.assign(this, { data, nFrames, nSymbols });
  }

  row(t) {
    return this.data.subarray(t * this.nSymbols, (t + 1) * this.nSymbols);
  }

  /** The frames with `change(value, symbol)` in place of each value. */
  map(change) {
    return new Frames(this.data.map((value, i) => change(value, i % this.nSymbols)), this.nFrames, this.nSymbols);
  }

  /** The likeliest symbol of each frame. */
  best() {
    return Array.from({ length: this.nFrames }, (_, t) => {
      const row = this.row(t);
      return row.reduce((best, value, i) => (value > row[best] ? i : best), 0);
    });
  }
}

/** The states of a text: blank, letter, blank, letter, ..., blank. */
export function withBlanks(symbols) {
  return [BLANK, ...symbols.flatMap((symbol) => [symbol, BLANK])];
}

/** True where a state may follow the one two before it: a letter that differs from the letter before. */
export const maySkip = (states) => states.map((state, s) => s >= 2 && state !== BLANK && state !== states[s - 2]);

/** log p(text | clip) in nats of each of `texts` (symbols); -Infinity if a text does not fit. */
export function score(frames, texts) {
  const largest = Array.from({ length: frames.nFrames }, (_, t) => Math.max(...frames.row(t)));
  const scale = largest.reduce((a, b) => a + b, 0);
  const probs = frames.data.map((value, i) => Math.exp(value - largest[Math.floor(i / frames.nSymbols)]));
  // If a score is far above the values that underflow in float64, what each step loses is negligible.
  const exactOver = Math.log(3) * frames.nFrames + Math.log(1e12) + Math.log(2.2250738585072014e-308);
  return texts.map((symbols) => {
    const nRepeats = symbols.filter((symbol, i) => i && symbol === symbols[i - 1]).length; // each needs a blank between
    if (frames.nFrames < symbols.length + nRepeats) return -Infinity;
    const states = withBlanks(symbols);
    const skip = maySkip(states);
    const total = byProbabilities(probs, frames, states, skip);
    return total > exactOver ? total + scale : byLogarithms(frames, states, skip);
  });
}

function byProbabilities(probs, { nFrames, nSymbols }, states, skip) {
  const n = states.length;
  const alpha = new Float64Array(n);
  for (let s = 0; s < Math.min(2, n); s++) alpha[s] = probs[states[s]];
  for (let t = 1; t < nFrames; t++) {
    for (let s = n - 1; s >= 0; s--) {
      const ways = alpha[s] + (s > 0 ? alpha[s - 1] : 0) + (skip[s] ? alpha[s - 2] : 0);
      alpha[s] = ways * probs[t * nSymbols + states[s]];
    }
  }
  return Math.log(alpha[n - 1] + (n > 1 ? alpha[n - 2] : 0));
}

/** The same score, however low it is. */
function byLogarithms(frames, states, skip) {
  const n = states.length;
  const alpha = new Float64Array(n).fill(-Infinity);
  for (let s = 0; s < Math.min(2, n); s++) alpha[s] = frames.data[states[s]];
  for (let t = 1; t < frames.nFrames; t++) {
    const row = frames.row(t);
    for (let s = n - 1; s >= 0; s--) {
      const ways = [alpha[s], s > 0 ? alpha[s - 1] : -Infinity, skip[s] ? alpha[s - 2] : -Infinity];
      alpha[s] = logSum(ways) + row[states[s]];
    }
  }
  return logSum([alpha[n - 1], n > 1 ? alpha[n - 2] : -Infinity]);
}

/** log sum_i exp values[i] */
export function logSum(values) {
  const most = Math.max(...values);
  if (most === -Infinity) return most;
  return most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0));
}
