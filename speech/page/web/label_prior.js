// Label-prior correction: log q = log p - weight log prior. speech/inference/label_prior.py.

/** What the network says of a `clip` (scoring.js), less the prior of the symbols of each output by its weight. */
export function corrected(clip, logPriors, weights) {
  const less = (frames, i) => frames && frames.map((value, symbol) => value - weights[i] * logPriors[i][symbol]);
  return { letters: less(clip.letters, 0), phones: less(clip.phones, 1) };
}
