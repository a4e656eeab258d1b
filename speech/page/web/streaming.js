// A stream of samples to log-probabilities, as they come: in any blocks those of the whole, to the bit.
// speech/inference/streaming.py.

import { joined } from "./endpointing.js";
import { Frames } from "./score.js";

const N_FRAMES = 4; // of a step, which are counted from the stream's beginning

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

  /** Samples from one step to the next. */
  get #hop() {
    return N_FRAMES * this.windows.samplesPerFrame;
  }

  /** Samples from which on the next block completes frames. */
  get nNeeded() {
    return 1 + this.windows.overlap + this.#hop - this.samples.length;
  }

  /** The frames that `block` completes; null for none. */
  async feed(block) {
    this.samples = joined([this.samples, block]);
    const nSamples = this.windows.overlap + this.#hop;
    const found = [];
    let begin = 0;
    for (; begin + nSamples < this.samples.length; begin += this.#hop)
      found.push(await this.#run(this.samples.slice(begin, begin + 1 + nSamples), nSamples));
    this.samples = this.samples.slice(begin);
    return found.length ? together(found) : null;
  }

  /** The last frames, where the samples that are left make some; a stream shorter than a window has one, too. */
  async finish() {
    const nSamples = this.samples.length - 1;
    if (nSamples < (this.begun ? this.windows.windowLength : 1)) return null;
    const padded = new Float32Array(this.samples.length + this.nNeeded);
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
