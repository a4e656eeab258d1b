// Names in a stream: while somebody speaks, what is heard so far; when the name is over, its transcript.
//
// What is heard depends on the samples alone, not on the blocks in which they come or on any clock.

import { Frames, GAP_S, NoSpeechError, withMargin } from "./endpointing.js";
import { LONGEST_S, SHORTEST_S, level, levelFaults, snr } from "./quality.js";

const STEP_S = 0.1; // between two looks at what was recorded
const BACKGROUND_S = 1.5; // that is kept of silence, to know the room by
const WITHOUT_SPEECH_S = 3; // before older silence is forgotten
const OVER_S = GAP_S + 0.05; // a longer pause ends a name
const LEAST_SNR_DB = 6; // of speech over the room; a room that changes a little is no name
const LEAST_DBFS = -60; // of speech; softer is no microphone's name
const ECHO_S = 0.4; // of a name in the room, after its end

export class Listener {
  /**
   * `lexicon()` gives the entries to choose from. `on.speaking(heard)` and `on.name(heard)` are called with
   * `{waveform, span, transcript, faults}`, the waveform since the name before, and the time `startS` at which it began.
   */
  constructor(recognizer, lexicon, on) {
    Object.assign(this, { recognizer, lexicon, on });
    this.rate = recognizer.sampleRate;
    this.step = Math.round(STEP_S * this.rate);
    this.frames = new Frames(this.rate);
    this.samples = new Float32Array(0); // since `dropped`
    this.dropped = 0;
    this.looked = 0; // samples of `samples`
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
      const span = this.#find(this.samples.length);
      if (span) await this.#name(span, this.samples.length);
    });
    return this.working;
  }

  async #hear() {
    this.samples = joined([this.samples, ...this.pending.splice(0)]);
    while (this.looked + this.step <= this.samples.length) {
      this.looked += this.step;
      await this.#look(this.looked);
    }
  }

  async #look(n) {
    const span = this.#find(n);
    if (!span) {
      if (n > WITHOUT_SPEECH_S * this.rate) this.#drop(n - BACKGROUND_S * this.rate);
      return;
    }
    const [start, stop] = span;
    if (n - stop >= OVER_S * this.rate || stop - start > (LONGEST_S + 1) * this.rate) {
      await this.#name(span, n);
    } else if (this.looked + this.step > this.samples.length && !this.pending.length) {
      this.on.speaking(await this.#transcribe(span, n)); // unless the sound is ahead: then only names are worth the time
    }
  }

  /** The span of speech in the first `n` samples; null where there is none. */
  #find(n) {
    if (n < this.frames.length) return null;
    const waveform = this.samples.subarray(0, n);
    try {
      const span = this.frames.extend(waveform).findSpeech(n);
      const lasts = span[1] - span[0] >= SHORTEST_S * this.rate;
      const loud = level(waveform.subarray(...span)) >= LEAST_DBFS && snr(waveform, span, this.rate) >= LEAST_SNR_DB;
      return lasts && loud ? span : null;
    } catch (error) {
      if (error instanceof NoSpeechError) return null;
      throw error;
    }
  }

  async #name(span, n) {
    this.on.name(await this.#transcribe(span, n));
    this.#drop(Math.min(span[1] + ECHO_S * this.rate, n)); // what is left of it is no name of its own
  }

  async #transcribe(span, n) {
    const waveform = this.samples.slice(0, n);
    const speech = withMargin(waveform, span, this.rate);
    const transcript = await this.recognizer.transcribeSpeech(...speech, this.lexicon());
    const startS = this.dropped / this.rate;
    return { waveform, span, transcript, startS, faults: levelFaults(waveform, span) };
  }

  /** Forget the first `n` samples, to a whole frame. */
  #drop(n) {
    const nFrames = Math.floor(n / this.frames.hop);
    const dropped = nFrames * this.frames.hop;
    this.samples = this.samples.slice(dropped);
    this.frames.drop(nFrames);
    this.dropped += dropped;
    this.looked -= dropped;
  }
}

function joined(blocks) {
  const whole = new Float32Array(blocks.reduce((n, block) => n + block.length, 0));
  let at = 0;
  for (const block of blocks) {
    whole.set(block, at);
    at += block.length;
  }
  return whole;
}
