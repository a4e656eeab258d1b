// Label-prior correction: log q = log p - weight log prior. speech/inference/label_prior.py.

/** The network's outputs for a `clip` (scoring.js), each less its weight times the log prior of its symbols. */
export function corrected(clip, logPriors, weights) {
  const less = (frames, i) => frames && frames.map((value, symbol) => value - weights[i] * logPriors[i][symbol]);
  return { letters: less(clip.letters, 0), phones: less(clip.phones, 1) };
}
