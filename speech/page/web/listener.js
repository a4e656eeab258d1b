// Names in a stream: while somebody speaks, what is heard so far; when the name is over, its transcript.
//
// What is heard depends on the samples alone, not on the blocks in which they come or on any clock.
// speech/inference/listening.py.

import { Endpointer, MARGIN_S, WINDOW_S, joined } from "./endpointing.js";
import { levelFaults } from "./quality.js";

const LETTERS_EVERY_S = 0.3; // of the stream
const BACKGROUND_S = 1.5; // that is kept of silence, to show what a name stands in, and to know the room by

export class Listener {
  /**
   * `lexicon()` gives the entries to choose from. `on.speaking(heard)` and `on.name(heard)` are called with
   * `{waveform, span, transcript, faults}`, the waveform since the name before, and the time `startS` at which it began.
   */
  constructor(recognizer, lexicon, on) {
    Object.assign(this, { recognizer, lexicon, on });
    this.rate = recognizer.sampleRate;
    this.endpointer = new Endpointer(this.rate);
    this.samples = new Float32Array(0); // since `dropped`
    this.dropped = 0;
    this.shownAt = 0;
    this.pending = []; // blocks that came while a name was recognised
    this.working = Promise.resolve();
  }

  /** Hear `block`, samples at the recogniser's rate. */
  push(block) {
    this.pending.push(block);
    this.working = this.working.then(() => this.#hear());
    return this.working;
  }

  /** The sound has ended: what was being said is over too. */
  finish() {
    this.working = this.working.then(async () => {
      await this.#hear();
      await this.#names(this.endpointer.finish());
    });
    return this.working;
  }

  async #hear() {
    for (const block of this.pending.splice(0)) {
      // In pieces, so that of a long block no more is held than of a short one.
      for (let at = 0; at < block.length; at += this.rate) {
        const piece = block.subarray(at, at + this.rate);
        this.samples = joined([this.samples, piece]);
        await this.#names(this.endpointer.feed(piece));
      }
    }
    const { speakingSince: start, nSamples: stop } = this.endpointer;
    const isDue = stop - this.shownAt >= LETTERS_EVERY_S * this.rate;
    if (start === null || !isDue || this.pending.length) return; // if the sound is ahead, names alone are worth the time
    this.shownAt = stop;
    this.on.speaking(await this.#transcribed({ start, stop, waveform: this.endpointer.audio(start, stop) }, 0));
  }

  async #names(segments) {
    for (const segment of segments) {
      this.on.name(await this.#transcribed(segment, MARGIN_S));
      this.#drop(segment.stop);
    }
    this.#drop(this.endpointer.nSamples - (WINDOW_S + BACKGROUND_S) * this.rate);
  }

  /** What is shown of a segment whose waveform begins `marginS` before it. */
  async #transcribed({ start, stop, waveform: speech }, marginS) {
    const from = Math.max(this.dropped, start - BACKGROUND_S * this.rate);
    const waveform = this.samples.slice(from - this.dropped);
    const startS = from / this.rate;
    const transcript = await this.recognizer.transcribeSpeech(speech, start / this.rate - marginS - startS, this.lexicon());
    const span = [start - from, stop - from];
    return { waveform, span, transcript, startS, faults: levelFaults(waveform, span) };
  }

  /** Forget the stream before sample `start`. */
  #drop(start) {
    const n = Math.min(start - this.dropped, this.samples.length);
    if (n <= 0) return;
    this.samples = this.samples.slice(n);
    this.dropped += n;
  }
}
