// Keyword spotting while somebody speaks: a small streaming recogniser finds candidates, the recogniser confirms them.
// Only the parts of a long stream in which somebody may speak are processed.
// speech/inference/stream_spotting.py.

import { joined } from "./endpointing.js";
import { decided, ratio } from "./spotting.js";

const HOLD_S = 0.3; // a candidate waits for a longer one that contains it
const TAIL_S = 0.3; // of silence after a stream's end: the last symbols are recognised a little after they are said
const KEPT_S = 6; // of the stream: a candidate begins as far back as its name is long

/** Finds the names of `spotter`'s list in a stream, from sample `start` on, with the streaming recogniser `finder`. */
export class StreamSpotter {
  constructor(spotter, finder, start) {
    Object.assign(this, { spotter, finder });
    this.least = spotter.threshold(finder);
    this.search = spotter.search(HOLD_S, finder);
    this.begin(start);
  }

  /** Begin afresh at sample `start`; call `finish` first for the names before it. */
  begin(start) {
    this.start = start;
    this.stream = this.finder.stream();
    this.search.begin();
    this.kept = [];
    this.nKept = 0;
    this.nSamples = 0;
  }

  /** The sample of the stream after the last one that was fed. */
  get stop() {
    return this.start + this.nSamples;
  }

  /** How many more samples complete the next frames; a shorter block is only stored. */
  get nNeeded() {
    return this.stream.nNeeded;
  }

  /** The names that `block` confirms, by time: `{startS, endS, transcript}`. */
  async feed(block) {
    this.kept.push(block);
    this.nKept += block.length;
    this.nSamples += block.length;
    while (this.nKept - this.kept[0].length > KEPT_S * this.finder.sampleRate) this.nKept -= this.kept.shift().length;
    const found = await this.stream.feed(block);
    return found ? this.#confirmed(this.search.feed(found)) : [];
  }

  /** The names that the end of the stream confirms. */
  async finish() {
    const tail = new Float32Array(Math.round(TAIL_S * this.finder.sampleRate));
    const found = await this.stream.finish(tail);
    return this.#confirmed([...(found ? this.search.feed(found) : []), ...this.search.finish()]);
  }

  /** The candidates for which both networks give the same name, `spotted`, with the mean of their scores. */
  async scored(candidates) {
    if (!candidates.length) return [];
    const { sampleRate, frameS } = this.finder;
    const frame = Math.round(sampleRate * frameS);
    const begin = this.nSamples - this.nKept;
    const first = Math.ceil(begin / frame); // the first frame that is kept whole
    const waveform = joined(this.kept).subarray(first * frame - begin);
    const startS = this.start / sampleRate + first * frameS;
    const found = [];
    for (const one of candidates) {
      const here = { ...one, first: one.first - first, last: one.last - first };
      const { score, spotted } = await this.spotter.recognised(here, waveform, startS);
      if (spotted.transcript.names[0].text === this.spotter.names[one.text])
        found.push({ score: (score + ratio(one)) / 2, spotted: decided(spotted) });
    }
    return found;
  }

  async #confirmed(candidates) {
    return (await this.scored(candidates)).filter(({ score }) => score >= this.least).map(({ spotted }) => spotted);
  }
}
