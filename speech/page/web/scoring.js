// The score of each name of a list for one clip: by letters, by phones, and by both. speech/inference/scoring.py.
//
// An entry is `{letters, phones}`, each a list of variants `{symbols, logP}`: the strings of a name in that output, and
// the log of each one's probability. A clip is `{letters, phones}`, the frames of each output (score.js); `phones` is
// null for a recogniser without phones.

import { logSum, score } from "./score.js";

export const certain = (symbols) => [{ symbols, logP: 0 }];

export const havePronunciations = (entries) => entries.every((entry) => entry.phones.length > 0);

/** The number of symbols of the likeliest of `variants`. */
export function length(variants) {
  return variants.reduce((best, one) => (one.logP > best.logP ? one : best)).symbols.length;
}

/** log sum_i p(variant i | name) p(variant i | clip) of each name, nats. */
function summed(frames, many) {
  const scores = score(frames, many.flatMap((variants) => variants.map(({ symbols }) => symbols)));
  let at = 0;
  return many.map((variants) => logSum(variants.map(({ logP }) => scores[at++] + logP)));
}

export const letterScores = (clip, entries) => summed(clip.letters, entries.map((entry) => entry.letters));

/** null if a name has no pronunciation. */
export function phoneScores(clip, entries) {
  if (!clip.phones || !havePronunciations(entries)) return null;
  return summed(clip.phones, entries.map((entry) => entry.phones));
}

/** (1 - w) letters + w phones: a product of experts (Hinton 2002). At weight 0 or 1 the other may be infinite. */
export function fuse(weight, letters, phones) {
  if (weight === 0 || weight === 1) return weight ? phones : letters;
  return (1 - weight) * letters + weight * phones;
}
