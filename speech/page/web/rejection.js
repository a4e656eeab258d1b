// Open-set rejection: the out-of-list probability of a clip, for any list of names. speech/inference/rejection.py.

import { collapse } from "./decode.js";

const N_SYMBOLS = 4;
const LARGEST_RATIO = 1e3; // nats: for a name that does not fit into the clip's frames

/** The spelling of the likeliest path, unconstrained by any list. */
export const fillerPath = (frames) => collapse(frames.best());

/** The mean entropy of the frames, in nats: 0 where every symbol is certain. */
export function meanFrameEntropy(frames) {
  const sum = frames.data.reduce((total, value) => {
    const finite = Math.max(value, -LARGEST_RATIO); // 0 log 0 is 0 in entropy
    return total + Math.exp(finite) * finite;
  }, 0);
  return -sum / frames.nFrames;
}

/**
 * The log-likelihood ratio of filler and best name, for every N_SYMBOLS of its `nSymbols`; mean frame entropy; log of
 * the list's length.
 */
export function evidence(bestName, nSymbols, filler, entropy, nNames) {
  const ratio = Math.min((Math.max(filler - bestName, 0) * N_SYMBOLS) / Math.max(nSymbols, 1), LARGEST_RATIO);
  return [Math.log1p(ratio), entropy, Math.log(nNames)];
}

export class Rejection {
  /** `fields` as in the metadata: a logistic model's weights, thresholds by false-accept rate, the rate in use. */
  constructor(fields) {
    this.weights = fields.weights;
    this.thresholds = fields.thresholds;
    this.falseAcceptRate = fields.false_accept_rate;
    this.rejectedFrom = fields.rejected_from; // between the threshold and this, a clip is unsure
  }

  get threshold() {
    return this.thresholds[this.falseAcceptRate];
  }

  /** p(out of list) of a clip with this `evidence`. */
  probability(evidences) {
    const logit = evidences.reduce((sum, one, i) => sum + one * this.weights[i + 1], this.weights[0]);
    return 1 / (1 + Math.exp(-Math.min(500, Math.max(-500, logit))));
  }

  accepts(outOfList) {
    return outOfList < this.threshold;
  }

  /** Whether a clip is accepted, and whether it is unsure; if neither, it is rejected as out of list. */
  decide(outOfList, spelt) {
    const accepted = this.accepts(outOfList);
    return { accepted, unsure: !accepted && (spelt || outOfList < this.rejectedFrom) };
  }
}
