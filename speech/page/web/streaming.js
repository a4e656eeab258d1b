// A stream of samples to log-probabilities, as they come: in any blocks those of the whole, to the bit.
// speech/inference/streaming.py.

import { joined } from "./endpointing.js";
import { Frames } from "./score.js";

const N_FIRST = 16; // frames of a stream's first step
const N_FRAMES = 4; // of each other

/** One stream through a network whose state travels. */
export class Stream {
  /**
   * `step(samples, nSamples, state)` gives `[clip, state]` (scoring.js) of samples that begin with the one before, of
   * which `nSamples` count. `windows` are `windowLength` (samples of a feature frame), `samplesPerFrame` (between
   * frames of log-probabilities) and `overlap` (that the last feature frame of one of these shares with the first of
   * the next).
   */
  constructor(step, state, windows) {
    Object.assign(this, { step, state, windows });
    this.samples = new Float32Array(1); // the one before, and those that fill no step yet
    this.begun = false;
  }

  /** Samples from this step to the next. */
  get #hop() {
    return (this.begun ? N_FRAMES : N_FIRST) * this.windows.samplesPerFrame;
  }

  /** Samples from which on the next block completes frames. */
  get nNeeded() {
    return 1 + this.windows.overlap + this.#hop - this.samples.length;
  }

  /** The frames that `block` completes; null for none. */
  async feed(block) {
    this.samples = joined([this.samples, block]);
    const found = [];
    while (this.nNeeded <= 0) {
      const hop = this.#hop;
      const nSamples = this.windows.overlap + hop;
      found.push(await this.#run(this.samples.slice(0, 1 + nSamples), nSamples));
      this.samples = this.samples.subarray(hop); // a view: a copy in each step takes the square of a recording's length
    }
    return found.length ? together(found) : null;
  }

  /** The last frames, where the samples that are left and a `tail` make some; a stream shorter than a window has one, too. */
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

/** `parts` of a stream, one after the other. */
function together(parts) {
  const rows = (some) => {
    const data = new Float64Array(some.reduce((n, one) => n + one.data.length, 0));
    some.reduce((at, one) => (data.set(one.data, at), at + one.data.length), 0);
    return new Frames(data, data.length / some[0].nSymbols, some[0].nSymbols);
  };
  const [letters, phones] = ["letters", "phones"].map((output) => parts.map((part) => part[output]));
  return { letters: rows(letters), phones: phones[0] && rows(phones) };
}

/** The log-probabilities of a stream that `waveform`, of one sample or more, is all of. */
export async function whole(stream, waveform) {
  return together([await stream.feed(waveform), await stream.finish()].filter(Boolean));
}
