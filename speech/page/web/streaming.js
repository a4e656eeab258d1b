// Log-probabilities of a stream of samples, as they come: in any blocks bitwise those of the whole.
// speech/inference/streaming.py.

import { joined } from "./endpointing.js";
import { Frames } from "./score.js";

const N_FIRST = 16; // frames of a stream's first step
const N_FRAMES = 4; // frames of each later step

/** One stream through a network that passes its state on. */
export class Stream {
  /**
   * `step(samples, nSamples, state)` gives `[clip, state]` (scoring.js); the first of the samples is the previous one,
   * and `nSamples` of the others are valid. `windows` are numbers of samples: `windowLength` (of a feature frame),
   * `samplesPerFrame` (from one frame of log-probabilities to the next) and `overlap` (between the last feature frame
   * of one of these and the first feature frame of the next).
   */
  constructor(step, state, windows) {
    Object.assign(this, { step, state, windows });
    this.samples = new Float32Array(1); // the previous one, and those that do not yet fill a step
    this.begun = false;
  }

  /** Samples from this step to the next. */
  get #hop() {
    return (this.begun ? N_FRAMES : N_FIRST) * this.windows.samplesPerFrame;
  }

  /** How many more samples complete the next frames. */
  get nNeeded() {
    return 1 + this.windows.overlap + this.#hop - this.samples.length;
  }

  /** The frames that `block` completes; null if there are none. */
  async feed(block) {
    this.samples = joined([this.samples, block]);
    const found = [];
    while (this.nNeeded <= 0) {
      const hop = this.#hop;
      const nSamples = this.windows.overlap + hop;
      found.push(await this.#run(this.samples.slice(0, 1 + nSamples), nSamples));
      this.samples = this.samples.subarray(hop); // a view: copies would take time quadratic in the recording's length
    }
    return found.length ? together(found) : null;
  }

  /** The last frames, if the remaining samples and a `tail` make any; a stream shorter than a window has one, too. */
  async finish(tail = new Float32Array(0)) {
    this.samples = joined([this.samples, tail]);
    const { windowLength, samplesPerFrame, overlap } = this.windows;
    const nSamples = this.samples.length - 1;
    if (nSamples < (this.begun ? windowLength : 1)) return null;
    const nFrames = Math.max(1, Math.ceil((nSamples - overlap) / samplesPerFrame));
    const padded = new Float32Array(1 + overlap + nFrames * samplesPerFrame);
    padded.set(this.samples);
    return this.#run(padded, nSamples);
  }

  async #run(samples, nSamples) {
    const [found, state] = await this.step(samples, nSamples, this.state);
    this.state = state;
    this.begun = true;
    return found;
  }
}

/** `parts` of a stream, concatenated. */
function together(parts) {
  const rows = (some) => {
    const data = new Float64Array(some.reduce((n, one) => n + one.data.length, 0));
    some.reduce((at, one) => (data.set(one.data, at), at + one.data.length), 0);
    return new Frames(data, data.length / some[0].nSymbols, some[0].nSymbols);
  };
  const [letters, phones] = ["letters", "phones"].map((output) => parts.map((part) => part[output]));
  return { letters: rows(letters), phones: phones[0] && rows(phones) };
}

/** The log-probabilities of a `stream` that consists of `waveform`, of one sample or more. */
export async function whole(stream, waveform) {
  return together([await stream.feed(waveform), await stream.finish()].filter(Boolean));
}
