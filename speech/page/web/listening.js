// Names in a stream: while somebody speaks, the transcript so far; when a name ends, its transcript.
// speech/inference/listening.py.
//
// An end-pointer finds where somebody speaks, and the recogniser processes each segment as it would process a file. An
// accepted name is reported after a short pause. In a segment that is not one name, a StreamSpotter searches for names
// while somebody speaks, and rests in between; without a finder, a Spotter searches.
// The result depends only on the samples, not on the size of the blocks or on any clock.

import { Endpointer, GAP_S, MARGIN_S, WINDOW_S, joined } from "./endpointing.js";
import { levelFaults } from "./quality.js";
import { Spotter } from "./spotting.js";
import { StreamSpotter } from "./stream_spotting.js";

const LETTERS_EVERY_S = 0.3; // of the stream
const PAUSE_S = 0.1; // a pause after which an accepted name is reported at once
const LONGEST_S = 1.6; // the longest name that is reported before its segment ends
const BEFORE_S = 1.5; // kept of the end of a segment that was cut: a name may continue in the next segment
const PIECE_S = 0.02; // the stream is processed in pieces of this length, whatever the size of its blocks
const N_SEGMENTS = 8; // last segments kept: a spotted name that is reported after its segment's end lies in one of them
const LEAD_S = 0.5; // before speech, names are searched for over this much of the stream too; after it, over GAP_S
const REST_S = 0.3; // when a sound proves not to be speech, the spotter stops only after this: it may seem speech again
const WAIT_S = 0.34; // a name in running speech is held back this long: if a pause follows, it is recognised by itself
const BACKGROUND_S = 1.5; // of silence that is kept, to show around a name, and to measure the room's noise

/** Recognises the names in the segments of one stream, one after the other. */
class Listening {
  constructor(recognizer, lexicon, perHour) {
    Object.assign(this, { recognizer, perHour, rate: recognizer.sampleRate });
    const samples = (s) => Math.round(s * this.rate);
    [this.margin, this.pause, this.lead, this.trail] = [MARGIN_S, PAUSE_S, LEAD_S, GAP_S].map(samples);
    this.untilRest = samples(REST_S);
    this.reported = -this.rate; // sample of the stream up to which names were reported
    this.listenFor(lexicon);
    this.before = new Float32Array(0); // the end of the previous segment
    this.beforeStop = 0;
    this.segments = []; // [start, stop] of the last ones
  }

  /** Listen for the names of `lexicon` from now on, also in current speech after the last reported name. */
  listenFor(lexicon) {
    const { recognizer, perHour } = this;
    this.lexicon = lexicon;
    this.beginnings = beginnings(lexicon);
    this.spotter = perHour === null ? null : new Spotter(recognizer, lexicon, perHour);
    const { finder } = recognizer;
    this.stream = this.spotter && finder && new StreamSpotter(this.spotter, finder, Math.max(this.reported, 0));
    this.found = []; // by the stream's spotter, and not yet reported
    this.rests = true; // whether the stream's spotter rests, as it does while nobody speaks
    this.last = null; // the last span that was recognised
  }

  /**
   * Search for names within speech, up to where `endpointer` was fed; `isOver` marks the stream's end. `segments` are
   * those that it has just found.
   */
  async follow(endpointer, segments, isOver) {
    const { stream } = this;
    if (!stream) return;
    const { nSamples: now, sounding, heldStart } = endpointer;
    for (const one of segments) {
      const [first, stop] = [one.start - this.margin, Math.min(now, one.stop + this.margin)];
      // It was found late, because the threshold changed.
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
   * The sample from which to search: where the search stopped or, after a rest, `start`. The stream before `heldSince`
   * is no longer held.
   */
  async #resumed(start, heldSince) {
    const { stream } = this;
    if (heldSince > stream.stop) await this.#rest();
    if (this.rests) stream.begin(Math.max(start, heldSince, stream.stop));
    this.rests = false;
    return stream.stop;
  }

  /** Finish the search, because nobody speaks: the last candidates cannot become longer names. */
  async #rest() {
    if (this.rests) return;
    this.found.push(...(await this.stream.finish()));
    this.rests = true;
  }

  /**
   * The names in running speech that have waited long enough at `nowS` of the stream. A name that another one begins
   * with waits longer. A name counts only where somebody speaks, in a segment or from sample `since` on: false alarms
   * occur in noise too.
   */
  running(nowS, since) {
    const reported = [];
    for (const one of this.#unreported()) {
      const begins = this.beginnings.has(one.transcript.names[0].text);
      if (!this.#unreported().includes(one) || one.endS + WAIT_S + begins * GAP_S > nowS) continue;
      if (this.#isSpoken(one, since)) {
        this.reported = Math.round(one.endS * this.rate);
        reported.push(one);
      } else if (one.endS + 2 * GAP_S < nowS) this.found.splice(this.found.indexOf(one), 1); // a segment would be known
    }
    return reported;
  }

  #isSpoken(one, since) {
    const spans = since === null ? this.segments : [...this.segments, [since, Infinity]];
    return spans.some(([start, stop]) => start < one.endS * this.rate && one.startS * this.rate < stop);
  }

  #unreported() {
    this.found = this.found.filter((one) => one.startS >= this.reported / this.rate - MARGIN_S);
    return this.found;
  }

  /** The names in `segment` that were not yet reported; the whole segment if no name is found in it. */
  async names(segment) {
    const unreported = segment.parts
      .map(([start, stop]) => [Math.max(start, this.reported), stop])
      .filter(([, stop]) => stop > this.reported + this.pause);
    let found = [];
    if (unreported.length && segment.over) found = await this.#atEnd(segment, unreported[0][0]);
    else if (unreported.length) found = await this.#atPause(segment, unreported);
    if (segment.over) {
      this.before = segment.waveform.slice(-Math.round(BEFORE_S * this.rate));
      this.beforeStop = segment.stop;
      this.segments = [...this.segments, [segment.start, segment.stop]].slice(-N_SEGMENTS);
    }
    const names = found.filter((one) => one.transcript.accepted !== false); // a rejected segment may contain a name
    if (names.length) this.reported = Math.round(names.at(-1).endS * this.rate);
    return found;
  }

  /** The name said in `parts`, or in the last of them; none if a longer name begins with it. */
  async #atPause(segment, parts) {
    const [begin, last] = [parts[0][0], parts.at(-1)[0]];
    // Words of running speech are accepted too often, so the spotter has to confirm the last part.
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

  /** The names within the segment from sample `start` on; the whole of it if it is one name, or has none. */
  async #atEnd(segment, start) {
    const { whole, clip } = await this.#whole(segment, start);
    const inside = await this.#inside(segment, start, segment.stop, clip);
    if (inside.length > 1 || (inside.length && whole.transcript.accepted === false)) return inside;
    return start === segment.start || whole.transcript.accepted ? [whole] : [];
  }

  /** The names that are spotted from sample `start` to `stop`, whose log-probabilities are `clip`. */
  async #inside(segment, start, stop, clip = null) {
    if (!this.spotter) return [];
    if (this.stream) {
      const [firstS, lastS] = [(start - this.margin) / this.rate, (stop + this.margin) / this.rate];
      return this.#unreported().filter((one) => one.startS >= firstS && one.endS <= lastS);
    }
    let waveform = this.#span(segment, start, stop);
    const overlap = this.beforeStop + 2 * this.margin - start;
    const isJoined = overlap >= 0 && overlap <= this.before.length;
    // It was cut off from the previous segment, where a name may begin.
    if (isJoined) waveform = joined([this.before.subarray(0, this.before.length - overlap), waveform]);
    const logProbs = isJoined || !clip ? await this.recognizer.logProbs(waveform) : clip;
    const found = await this.spotter.spot(waveform, logProbs, (stop + this.margin - waveform.length) / this.rate);
    const after = [Math.max(this.reported / this.rate, 0) - MARGIN_S, this.beforeStop / this.rate];
    return found.filter((one) => one.startS >= after[0] && one.endS > after[1]);
  }

  /** Samples `start` to `stop` of the stream, taken from `segment`, with the margin around them. */
  #span(segment, start, stop) {
    return segment.waveform.slice(start - segment.start, stop - segment.start + 2 * this.margin);
  }

  /** The transcript from sample `start` to the end of `segment`; mostly it is known from the last pause. */
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

/** The names with which a longer name of the list begins, by letters. */
function beginnings(lexicon) {
  // A symbol becomes a character, so that strings can be compared.
  const spelt = [...lexicon].map(([name, entry]) => [String.fromCharCode(...entry.letters[0].symbols), name]);
  spelt.sort(([a], [b]) => (a < b ? -1 : Number(a > b)));
  const continues = ([letters], i) => letters !== spelt[i + 1]?.[0] && spelt[i + 1]?.[0].startsWith(letters);
  return new Set(spelt.filter(continues).map(([, name]) => name));
}

export class Listener {
  /**
   * `lexicon()` gives the entries to choose from. With `perHour` false alarms (for each name), names are also spotted
   * within running speech; with null, only segments between pauses are recognised. With `atPause` false they are
   * reported only once they have ended. `on.speaking(found)` and `on.name(found)` are called with `{waveform, span,
   * transcript, startS, faults}`: the waveform since the last name, which begins `startS` into the stream, and the span
   * of the name in it.
   */
  constructor(recognizer, lexicon, on, perHour, atPause = true) {
    Object.assign(this, { recognizer, lexicon, on, rate: recognizer.sampleRate });
    this.endpointer = new Endpointer(this.rate, atPause ? PAUSE_S : null);
    this.listening = new Listening(recognizer, lexicon(), perHour);
    this.samples = new Float32Array(0); // since `dropped`
    this.dropped = 0;
    this.rest = new Float32Array(0); // less than a piece
    this.before = 0; // sample at which the last name ended
    this.shownAt = 0;
    this.pending = []; // blocks that came while a name was being recognised
    this.working = Promise.resolve();
  }

  /** Feed `block`, samples at the recogniser's rate. */
  push(block) {
    this.pending.push(block);
    this.working = this.working.then(() => this.#feed());
    return this.working;
  }

  /** End the stream, and with it any current speech. */
  finish() {
    this.working = this.working.then(async () => {
      await this.#feed();
      if (this.rest.length) await this.#piece(this.rest);
      const segments = this.endpointer.finish();
      await this.listening.follow(this.endpointer, segments, true);
      await this.#names(segments, Infinity);
    });
    return this.working;
  }

  async #feed() {
    const n = Math.round(PIECE_S * this.rate);
    for (const block of this.pending.splice(0)) {
      const lexicon = this.lexicon();
      if (lexicon !== this.listening.lexicon) this.listening.listenFor(lexicon); // the list has changed
      let samples = joined([this.rest, block]);
      for (; samples.length >= n; samples = samples.subarray(n)) await this.#piece(samples.subarray(0, n));
      this.rest = samples.slice();
    }
  }

  async #piece(piece) {
    this.samples = joined([this.samples, piece]);
    const segments = this.endpointer.feed(piece);
    await this.listening.follow(this.endpointer, segments, false);
    await this.#names(segments, this.endpointer.nSamples / this.rate);
    await this.#speaking();
  }

  async #names(segments, nowS) {
    for (const segment of segments) for (const one of await this.listening.names(segment)) this.#report(one);
    for (const one of this.listening.running(nowS, this.endpointer.speakingSince)) this.#report(one);
    this.#drop(this.endpointer.nSamples - (WINDOW_S + BACKGROUND_S) * this.rate);
  }

  /** Report the transcript so far of a name that has not ended. */
  async #speaking() {
    const { speakingSince: start, nSamples: stop } = this.endpointer;
    const isDue = stop - this.shownAt >= LETTERS_EVERY_S * this.rate;
    if (start === null || start < this.listening.reported || !isDue) return;
    if (this.pending.length) return; // if recognition lags behind the sound, only names are worth the time
    this.shownAt = stop;
    const clip = await this.recognizer.logProbs(this.endpointer.audio(start, stop));
    const transcript = this.recognizer.transcript(clip, start / this.rate, this.listening.lexicon);
    this.on.speaking(this.#shown({ startS: start / this.rate, endS: stop / this.rate, transcript }));
  }

  #report(one) {
    this.on.name(this.#shown(one));
    this.before = Math.round(one.endS * this.rate);
  }

  /** The data shown for a name, with times relative to the waveform around it. */
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
