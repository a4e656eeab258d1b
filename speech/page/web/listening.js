// Names in a stream: while somebody speaks, what is heard so far; when a name is over, its transcript.
// speech/inference/listening.py.
//
// An end-pointer finds where somebody speaks, and the recogniser hears each segment as it would hear it in a file. A
// name is told of after a short pause already, where it is accepted. Inside of a segment that is no name, or several, a
// StreamSpotter looks for them while somebody speaks, and rests in between, or, where there is no finder, a Spotter.
// What is heard depends on the samples alone, not on the blocks in which they come or on any clock.

import { Endpointer, GAP_S, MARGIN_S, WINDOW_S, joined } from "./endpointing.js";
import { levelFaults } from "./quality.js";
import { Spotter } from "./spotting.js";
import { StreamSpotter } from "./stream_spotting.js";

const LETTERS_EVERY_S = 0.3; // of the stream
const PAUSE_S = 0.1; // after which a name is told of at once, if one was said
const LONGEST_S = 1.6; // of a name that is told of before its segment is over
const BEFORE_S = 1.5; // of a segment that was cut: a name may go on in the next
const PIECE_S = 0.02; // in which a stream is heard, whatever blocks it comes in
const N_SEGMENTS = 8; // the last ones, which a name may lie in that is told of once they are over
const LEAD_S = 0.5; // of the stream before somebody speaks, in which names are looked for, too, as in GAP_S after it
const REST_S = 0.3; // after which nobody speaks any more, where what seemed to be speech was none: it may be some again
const WAIT_S = 0.34; // after the end of such a name: after a pause it is heard as one that is said alone
const BACKGROUND_S = 1.5; // that is kept of silence, to show what a name stands in, and to know the room by

/** What the recogniser hears in the segments of one stream, one after the other. */
class Hearing {
  constructor(recognizer, lexicon, perHour) {
    Object.assign(this, { recognizer, perHour, rate: recognizer.sampleRate });
    const samples = (s) => Math.round(s * this.rate);
    [this.margin, this.pause, this.lead, this.trail] = [MARGIN_S, PAUSE_S, LEAD_S, GAP_S].map(samples);
    this.untilRest = samples(REST_S);
    this.told = -this.rate; // sample of the stream up to which names were told of
    this.listenFor(lexicon);
    this.before = new Float32Array(0); // the end of the segment before
    this.beforeStop = 0;
    this.segments = []; // [start, stop] of the last ones
  }

  /** For the names of `lexicon` in what is being said, too, as far as none was told of. */
  listenFor(lexicon) {
    const { recognizer, perHour } = this;
    this.lexicon = lexicon;
    this.beginnings = beginnings(lexicon);
    this.spotter = perHour === null ? null : new Spotter(recognizer, lexicon, perHour);
    const { finder } = recognizer;
    this.stream = this.spotter && finder && new StreamSpotter(this.spotter, finder, Math.max(this.told, 0));
    this.found = []; // by the stream's spotter, and not told of yet
    this.rests = true; // the stream's spotter, while nobody speaks
    this.last = null; // the last span that was recognised
  }

  /**
   * Look for names inside of what somebody says, as far as `endpointer` has heard the stream, or all of it. `segments`
   * are those that it has just found.
   */
  async follow(endpointer, segments, isOver) {
    const { stream } = this;
    if (!stream) return;
    const { nSamples: now, sounding, heldStart } = endpointer;
    for (const one of segments) {
      const [first, stop] = [one.start - this.margin, Math.min(now, one.stop + this.margin)];
      // A threshold that changed has found it late.
      if (!one.over || stop <= stream.stop) continue;
      const begin = await this.#resumed(first, first);
      this.found.push(...(await stream.feed(one.waveform.slice(begin - first, stop - first))));
    }
    if (sounding) {
      const stop = Math.min(now, sounding[1] + this.trail);
      if (stop < stream.stop + stream.nNeeded) return;
      const begin = await this.#resumed(sounding[0] - this.lead, heldStart);
      this.found.push(...(await stream.feed(endpointer.audio(begin, stop))));
    } else if (isOver || segments.length || now >= stream.stop + this.untilRest) await this.#rest();
  }

  /**
   * The sample from which names are looked for: to which that was done or, after a rest, `start`. The stream before
   * `heldSince` is held no more.
   */
  async #resumed(start, heldSince) {
    const { stream } = this;
    if (heldSince > stream.stop) await this.#rest();
    if (this.rests) stream.begin(Math.max(start, heldSince, stream.stop));
    this.rests = false;
    return stream.stop;
  }

  /** Nobody speaks: what may still be a name will be no longer one. */
  async #rest() {
    if (this.rests) return;
    this.found.push(...(await this.stream.finish()));
    this.rests = true;
  }

  /**
   * The names in running speech that have waited at `nowS` of the stream; longer where one goes on so. Somebody has to
   * speak there, in a segment or from sample `since` on: noise alone has names, too.
   */
  running(nowS, since) {
    const told = [];
    for (const one of this.#untold()) {
      const begins = this.beginnings.has(one.transcript.names[0].text);
      if (!this.#untold().includes(one) || one.endS + WAIT_S + begins * GAP_S > nowS) continue;
      if (this.#isSpoken(one, since)) {
        this.told = Math.round(one.endS * this.rate);
        told.push(one);
      } else if (one.endS + 2 * GAP_S < nowS) this.found.splice(this.found.indexOf(one), 1); // a segment would be known
    }
    return told;
  }

  #isSpoken(one, since) {
    const spans = since === null ? this.segments : [...this.segments, [since, Infinity]];
    return spans.some(([start, stop]) => start < one.endS * this.rate && one.startS * this.rate < stop);
  }

  #untold() {
    this.found = this.found.filter((one) => one.startS >= this.told / this.rate - MARGIN_S);
    return this.found;
  }

  /** The names in `segment` that were not told of yet; one in which there is none is told of as a whole. */
  async names(segment) {
    const untold = segment.parts
      .map(([start, stop]) => [Math.max(start, this.told), stop])
      .filter(([, stop]) => stop > this.told + this.pause);
    let found = [];
    if (untold.length && segment.over) found = await this.#atEnd(segment, untold[0][0]);
    else if (untold.length) found = await this.#atPause(segment, untold);
    if (segment.over) {
      this.before = segment.waveform.slice(-Math.round(BEFORE_S * this.rate));
      this.beforeStop = segment.stop;
      this.segments = [...this.segments, [segment.start, segment.stop]].slice(-N_SEGMENTS);
    }
    const names = found.filter((one) => one.transcript.accepted !== false); // in what is none there may be one
    if (names.length) this.told = Math.round(names.at(-1).endS * this.rate);
    return found;
  }

  /** What was said in `parts`, or in the last of them, where that is a name that no longer one begins with. */
  async #atPause(segment, parts) {
    const [begin, last] = [parts[0][0], parts.at(-1)[0]];
    // Words of running speech are accepted too often: there the spotter has to confirm the last part.
    for (const start of begin === last || !this.spotter ? [begin] : [begin, last]) {
      if (segment.stop - start > LONGEST_S * this.rate) continue;
      const { whole, clip } = await this.#whole(segment, start);
      if (!whole.transcript.accepted || this.beginnings.has(whole.transcript.names[0].text)) continue;
      if (start === begin) return [whole];
      if (this.spotter.confirms(clip, whole.transcript.names[0].text))
        return [...(await this.#inside(segment, begin, parts.at(-2)[1])), whole];
    }
    return [];
  }

  /** The names inside from sample `start` on, where that is not one as a whole; else the whole. */
  async #atEnd(segment, start) {
    const { whole, clip } = await this.#whole(segment, start);
    const inside = await this.#inside(segment, start, segment.stop, clip);
    if (inside.length > 1 || (inside.length && whole.transcript.accepted === false)) return inside;
    return start === segment.start || whole.transcript.accepted ? [whole] : [];
  }

  /** The names that are spotted from sample `start` to `stop`, of which `clip` are the log-probabilities. */
  async #inside(segment, start, stop, clip = null) {
    if (!this.spotter) return [];
    if (this.stream) {
      const [firstS, lastS] = [(start - this.margin) / this.rate, (stop + this.margin) / this.rate];
      return this.#untold().filter((one) => one.startS >= firstS && one.endS <= lastS);
    }
    let waveform = this.#span(segment, start, stop);
    const overlap = this.beforeStop + 2 * this.margin - start;
    const isJoined = overlap >= 0 && overlap <= this.before.length;
    // It was cut off from the segment before, where a name may begin.
    if (isJoined) waveform = joined([this.before.subarray(0, this.before.length - overlap), waveform]);
    const heard = isJoined || !clip ? await this.recognizer.logProbs(waveform) : clip;
    const found = await this.spotter.spot(waveform, heard, (stop + this.margin - waveform.length) / this.rate);
    const after = [Math.max(this.told / this.rate, 0) - MARGIN_S, this.beforeStop / this.rate];
    return found.filter((one) => one.startS >= after[0] && one.endS > after[1]);
  }

  /** Samples `start` to `stop` of the stream, of those of `segment`, with the margin around them. */
  #span(segment, start, stop) {
    return segment.waveform.slice(start - segment.start, stop - segment.start + 2 * this.margin);
  }

  /** What was said from sample `start` to the end of `segment`, which at its pause was the same, mostly. */
  async #whole(segment, start) {
    const { stop } = segment;
    if (this.last?.start !== start || this.last.stop !== stop) {
      const clip = await this.recognizer.logProbs(this.#span(segment, start, stop));
      const transcript = this.recognizer.transcript(clip, (start - this.margin) / this.rate, this.lexicon);
      this.last = { start, stop, clip, whole: { startS: start / this.rate, endS: stop / this.rate, transcript } };
    }
    return this.last;
  }
}

/** The names that another, longer one begins with, by letters. */
function beginnings(lexicon) {
  // A symbol is a character: one text begins with another as one string does.
  const spelt = [...lexicon].map(([name, entry]) => [String.fromCharCode(...entry.letters[0].symbols), name]);
  spelt.sort(([a], [b]) => (a < b ? -1 : Number(a > b)));
  const goesOn = ([letters], i) => letters !== spelt[i + 1]?.[0] && spelt[i + 1]?.[0].startsWith(letters);
  return new Set(spelt.filter(goesOn).map(([, name]) => name));
}

export class Listener {
  /**
   * `lexicon()` gives the entries to choose from. With `perHour` false alarms of each name, names inside of running
   * speech are looked for; with null, segments between pauses alone are names, and with `atPause` false only once they
   * are over. `on.speaking(heard)` and `on.name(heard)` are called with `{waveform, span, transcript, startS, faults}`:
   * the waveform since the name before, which begins `startS` into the stream, and the name's samples of it.
   */
  constructor(recognizer, lexicon, on, perHour, atPause = true) {
    Object.assign(this, { recognizer, lexicon, on, rate: recognizer.sampleRate });
    this.endpointer = new Endpointer(this.rate, atPause ? PAUSE_S : null);
    this.hearing = new Hearing(recognizer, lexicon(), perHour);
    this.samples = new Float32Array(0); // since `dropped`
    this.dropped = 0;
    this.rest = new Float32Array(0); // less than a piece
    this.before = 0; // sample at which the last name ended
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
      if (this.rest.length) await this.#piece(this.rest);
      const segments = this.endpointer.finish();
      await this.hearing.follow(this.endpointer, segments, true);
      await this.#names(segments, Infinity);
    });
    return this.working;
  }

  async #hear() {
    const n = Math.round(PIECE_S * this.rate);
    for (const block of this.pending.splice(0)) {
      const lexicon = this.lexicon();
      if (lexicon !== this.hearing.lexicon) this.hearing.listenFor(lexicon); // another list takes over
      let samples = joined([this.rest, block]);
      for (; samples.length >= n; samples = samples.subarray(n)) await this.#piece(samples.subarray(0, n));
      this.rest = samples.slice();
    }
  }

  async #piece(piece) {
    this.samples = joined([this.samples, piece]);
    const segments = this.endpointer.feed(piece);
    await this.hearing.follow(this.endpointer, segments, false);
    await this.#names(segments, this.endpointer.nSamples / this.rate);
    await this.#speaking();
  }

  async #names(segments, nowS) {
    for (const segment of segments) for (const one of await this.hearing.names(segment)) this.#tell(one);
    for (const one of this.hearing.running(nowS, this.endpointer.speakingSince)) this.#tell(one);
    this.#drop(this.endpointer.nSamples - (WINDOW_S + BACKGROUND_S) * this.rate);
  }

  /** What is heard so far of a name that is not over. */
  async #speaking() {
    const { speakingSince: start, nSamples: stop } = this.endpointer;
    const isDue = stop - this.shownAt >= LETTERS_EVERY_S * this.rate;
    if (start === null || start < this.hearing.told || !isDue) return;
    if (this.pending.length) return; // if the sound is ahead, names alone are worth the time
    this.shownAt = stop;
    const clip = await this.recognizer.logProbs(this.endpointer.audio(start, stop));
    const transcript = this.recognizer.transcript(clip, start / this.rate, this.hearing.lexicon);
    this.on.speaking(this.#shown({ startS: start / this.rate, endS: stop / this.rate, transcript }));
  }

  #tell(one) {
    this.on.name(this.#shown(one));
    this.before = Math.round(one.endS * this.rate);
  }

  /** What is shown of a name: its times are those of the waveform around it. */
  #shown({ startS: firstS, endS, transcript }) {
    const [start, stop] = [firstS, endS].map((s) => Math.round(s * this.rate));
    const from = Math.max(this.dropped, Math.min(start, Math.max(this.before, start - BACKGROUND_S * this.rate)));
    const waveform = this.samples.slice(from - this.dropped);
    const startS = from / this.rate;
    const spans = transcript.spans.map((one) => ({ ...one, startS: one.startS - startS, endS: one.endS - startS }));
    const span = [start - from, stop - from];
    return { waveform, span, transcript: { ...transcript, spans }, startS, faults: levelFaults(waveform, span) };
  }

  /** Forget the stream before sample `start`. */
  #drop(start) {
    const n = Math.min(start - this.dropped, this.samples.length);
    if (n <= 0) return;
    this.samples = this.samples.slice(n);
    this.dropped += n;
  }
}
