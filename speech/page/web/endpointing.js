// End-pointing: finds where somebody speaks in a recording or a stream, between silence, hum and clicks.
// Block by block, it gives the same spans as speech/audio/endpointing.py.
//
// Short-time energy in the band of speech (Rabiner and Sambur 1975), less the constant power of each band (spectral
// subtraction, Boll 1979), then a threshold below the loudest frame, over a window of the last WINDOW_S.

import { PowerSpectrum } from "./fft.js";

const FRAME_MS = 25;
const HOP_MS = 10;
const BAND_HZ = [200, 7000]; // mains hum and rumble are below; an s may have no power below 4 000
const N_BANDS = 16; // on the mel scale
const N_SMOOTHED = 5; // frames
const TILT_HZ = 2200; // above it power is raised by 6 dB per octave: fricatives are softer than vowels
const FLOOR_PERCENT = 10; // at least this many percent of the frames are background
const NAME_S = 1; // few names are longer: the rest of the window is background
const OVER_SUBTRACTION = 3; // the floor is subtracted this many times
const DEPTH_DB = 35; // the threshold is this far below the loudest frame
const OVER_FLOOR_DB = 8; // or this far above the background, if that is higher
const LEAST_DEPTH_DB = 12; // but never nearer to the loudest frame
const TRIMMED_S = 0.8; // in a clip of less sound the background is itself speech:
const TRIMMED_DEPTH_DB = 22; // there the threshold is not nearer than this
const LEAST_RATIO = 1; // of the loudest frame's excess to the background's power: a steady noise stays below it
export const GAP_S = 0.8; // the pause between a first and a last name
const CLICK_S = 0.03; // shorter than any isolated phone
export const MARGIN_S = 0.06; // around the speech, whose onset and release are softer than the threshold
const STEADY_S = 0.8; // a sound that stays that long
const STEADY_DB = 4; // within that few dB and never rises is a noise: most span over 3 dB
const SILENCE = 1e-4; // peak amplitude (-80 dBFS)
const SILENCE_32 = Math.fround(SILENCE); // as numpy compares float32 with it
const EDGE = Math.floor(N_SMOOTHED / 2);
const STEP = 20; // frames between examinations of a stream. Fixed, so that the size of its blocks does not matter
const LOOK = 10; // frames between them while somebody speaks, if short pauses are asked for
export const WINDOW_S = 6; // held of a stream, and the longest segment: speech without a pause is cut there

const NOTHING = "nothing but clicks and steady noise";

/** No span of the recording is louder than its background. */
export class NoSpeechError extends Error {}

/**
 * Finds segments of speech in a stream at `sampleRate` Hz, of which it holds WINDOW_S at most: `{start, stop, waveform,
 * power, parts, over}`, in samples of the stream, the waveform with MARGIN_S around it. `parts` are the spans between
 * the short pauses inside, `[start, stop]` each. A segment is returned GAP_S after its end; with `pauseS`, also after
 * each pause of that length within it: `over` is false if it may continue. `speakingSince` is the first sample of a
 * segment that has not ended; `reason` says why the last examination found none. `sounding` is known sooner and is less
 * certain: the span `[start, stop]`, not yet ended, where somebody may speak.
 */
export class Endpointer {
  constructor(sampleRate, pauseS = null) {
    this.length = Math.round((sampleRate * FRAME_MS) / 1000);
    this.hop = Math.round((sampleRate * HOP_MS) / 1000);
    this.margin = Math.round(sampleRate * MARGIN_S);
    this.window = Math.round((WINDOW_S * 1000) / HOP_MS);
    this.gap = Math.round((GAP_S * 1000) / HOP_MS);
    this.pause = pauseS === null ? null : Math.round((pauseS * 1000) / HOP_MS);
    this.pausedAt = 0; // frame of the stream at which the last short pause began
    this.first = 0; // frame of the stream at which `bands` begins
    this.bands = []; // Float64Array(N_BANDS) of each frame: its power
    this.sounds = []; // false for digital silence (padding), which does not show the background
    this.known = null; // `#runs` of these frames
    this.held = new Float32Array(this.margin); // zeros before the stream's beginning
    this.heldStart = -this.margin;
    this.pending = [];
    this.nPending = 0;
    this.speakingSince = null;
    this.sounding = null;
    this.reason = NOTHING;
    this.spectrum = new PowerSpectrum(this.length);
    this.power = new Float64Array(Math.floor(this.length / 2) + 1);
    this.frame = new Float64Array(this.length);
    this.taper = Float64Array.from(
      { length: this.length },
      (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / (this.length - 1)),
    );
    this.#weigh(sampleRate);
  }

  /** Band and weight of each frequency; band -1 is outside. */
  #weigh(sampleRate) {
    const mel = (hz) => 2595 * Math.log10(1 + hz / 700); // O'Shaughnessy 1987
    const [low, high] = [mel(BAND_HZ[0]), mel(Math.min(BAND_HZ[1], sampleRate / 2))];
    const hz = Float64Array.from(this.power, (_, k) => (k * sampleRate) / this.length);
    this.band = Array.from(hz, (one) => {
      if (one < BAND_HZ[0] || one > BAND_HZ[1]) return -1;
      let band = 0;
      while (band < N_BANDS && low + ((high - low) * band) / N_BANDS <= mel(one)) band++;
      return band - 1;
    });
    this.weight = hz.map((one) => 1 + (one / TILT_HZ) ** 2);
  }

  /** The number of samples of the stream that were fed. */
  get nSamples() {
    return this.heldStart + this.held.length + this.nPending;
  }

  /** The segments that have ended, as these further `samples` show. */
  feed(samples) {
    this.pending.push(samples);
    this.nPending += samples.length;
    const group = this.pause === null ? STEP : LOOK;
    const needed = group * this.hop + this.length - this.hop;
    const found = [];
    if (this.#nextFrame() + needed > this.nSamples) return found;
    this.#takePending();
    while (this.#nextFrame() + needed <= this.nSamples) {
      this.#addFrames(group);
      if ((this.first + this.bands.length) % STEP === 0) {
        if (this.bands.length > this.gap) found.push(...this.#ended(false)); // earlier, no segment can have ended
        this.#forget();
      }
      if (this.pause !== null && (this.speakingSince !== null || this.bands.length <= this.gap))
        found.push(...this.#paused());
    }
    return found;
  }

  /** The segments that end with the stream. */
  finish() {
    this.#takePending();
    const { held } = this;
    this.held = joined([held, new Float32Array(Math.max(0, this.length - this.nSamples))]); // to the length of a frame
    this.#addFrames(Math.floor((this.nSamples - this.length - this.#nextFrame()) / this.hop) + 1);
    this.held = held;
    return this.bands.length ? this.#ended(true) : [];
  }

  /** Samples `start` to `stop` of the stream, as far as they are still held; 0 beyond its ends. */
  audio(start, stop) {
    this.#takePending();
    const found = new Float32Array(stop - start);
    const first = start - this.heldStart;
    found.set(this.held.subarray(Math.max(first, 0), Math.max(stop - this.heldStart, 0)), Math.max(0, -first));
    return found;
  }

  /** The first sample of the next frame to compute. */
  #nextFrame() {
    return (this.first + this.bands.length) * this.hop;
  }

  #takePending() {
    if (this.pending.length) this.held = joined([this.held, ...this.pending]);
    this.pending = [];
    this.nPending = 0;
  }

  #addFrames(n) {
    for (let i = 0; i < n; i++) {
      const start = this.#nextFrame() - this.heldStart;
      let peak = 0;
      for (let j = 0; j < this.length; j++) {
        const sample = this.held[start + j];
        peak = Math.max(peak, Math.abs(sample));
        this.frame[j] = sample * this.taper[j];
      }
      const bands = new Float64Array(N_BANDS);
      if (peak >= SILENCE_32) {
        this.spectrum.into(this.frame, this.power);
        this.power.forEach((power, k) => {
          if (this.band[k] >= 0) bands[this.band[k]] += power * this.weight[k];
        });
      }
      this.known = null;
      this.bands.push(bands);
      this.sounds.push(peak >= SILENCE_32);
    }
  }

  /** The segments of the window that have ended; they are dropped from it. */
  #ended(final) {
    const [runs, power] = (this.known = this.#runs());
    const [nFrames, offset] = [this.bands.length, this.first];
    const found = [];
    this.speakingSince = this.sounding = null;
    for (const run of runs) {
      let parts = run;
      const first = parts[0][0];
      let last = parts.at(-1)[1];
      const cut = !final && last + this.gap > nFrames - EDGE;
      if (cut) {
        if (nFrames < this.window || first > Math.floor(this.window / 2)) {
          this.speakingSince = (offset + first) * this.hop;
          this.sounding = this.#samples(offset, first, last);
          break;
        }
        // Speech without a pause is cut where it is softest, in the last third of the window.
        const end = last;
        last = Math.max(first + 1, Math.floor((2 * this.window) / 3));
        for (let i = last + 1; i < nFrames - N_SMOOTHED; i++) if (power[i] < power[last]) last = i;
        if (last < end) this.sounding = this.#samples(offset, last, end);
        parts = run.filter(([begin]) => begin < last).map(([begin, end]) => [begin, Math.min(end, last)]);
      }
      found.push(this.#segment(offset, parts, last, power));
      // The pause is dropped too, since a later threshold might find the name's soft end in it.
      this.#drop(Math.min(offset + last + (cut ? 0 : this.gap), offset + nFrames) - this.first);
      if (cut) break;
    }
    return found;
  }

  /** The segment that has not ended, if a short pause that was not yet reported follows it. */
  #paused() {
    const [runs, power] = this.known ?? this.#runs();
    const parts = runs.at(-1);
    this.sounding = parts ? this.#samples(this.first, parts[0][0], parts.at(-1)[1]) : null;
    if (!parts) return [];
    const last = parts.at(-1)[1];
    // A changed threshold may move the same end by a few frames.
    if (last + this.pause > this.bands.length - EDGE || this.first + last <= this.pausedAt + N_SMOOTHED) return [];
    this.pausedAt = this.first + last;
    return [{ ...this.#segment(this.first, parts, last, power), over: false }];
  }

  /** The segment of the window's frames from the first of `parts` to `last` (exclusive). */
  #segment(offset, parts, last, power) {
    const [start, stop] = this.#samples(offset, parts[0][0], last);
    return {
      start,
      stop,
      waveform: this.audio(start - this.margin, stop + this.margin),
      power: sum(power.subarray(parts[0][0], last)),
      parts: parts.map(([begin, end]) => this.#samples(offset, begin, end)),
      over: true,
    };
  }

  /** The first sample and the one after the last of frames `first` to `last` (exclusive). */
  #samples(offset, first, last) {
    return [(offset + first) * this.hop, Math.min(this.nSamples, (offset + last - 1) * this.hop + this.length)];
  }

  #forget() {
    this.#drop(Math.max(0, this.bands.length - this.window));
    const over = this.first * this.hop - this.margin - this.heldStart;
    if (over > 0) {
      this.held = this.held.slice(over);
      this.heldStart += over;
    }
  }

  #drop(n) {
    this.bands.splice(0, n);
    this.sounds.splice(0, n);
    this.first += n;
    this.known = null;
  }

  /**
   * The runs of loud frames, and each frame's power less the background's. A run is a list of parts, [first, last + 1],
   * at most GAP_S apart.
   */
  #runs() {
    const { bands, sounds } = this;
    const nSounding = sounds.filter(Boolean).length;
    if (!nSounding) {
      this.reason = "digital silence";
      return [[], new Float64Array(bands.length)];
    }
    const [power, floor, smooth] = this.#lessBackground();
    const loudest = power.reduce((a, b) => Math.max(a, b), 0);
    if (loudest <= LEAST_RATIO * floor) {
      this.reason = "the sound never changes";
      return [[], power];
    }
    const level = power.map((one) => 10 * Math.log10(one / loudest + 1e-10));
    const soundsS = (nSounding * HOP_MS) / 1000;
    const rest = 1 - NAME_S / soundsS; // proportion of the window without the name
    const background = percentile(level.filter((_, i) => sounds[i]), Math.max(FLOOR_PERCENT, 70 * rest));
    const leastDepth = soundsS < TRIMMED_S ? TRIMMED_DEPTH_DB : LEAST_DEPTH_DB;
    const threshold = Math.max(-DEPTH_DB, Math.min(background + OVER_FLOOR_DB, -leastDepth));
    this.reason = NOTHING;
    return [this.#above(level, threshold, smooth), power];
  }

  #above(level, threshold, smooth) {
    // In seconds; the smoothing lengthens a run, except beyond an end.
    const lasts = (first, last) => ((last - first - EDGE * ((first > 0) + (last < level.length))) * HOP_MS) / 1000;
    const runs = [];
    for (let first = 0; first < level.length; first++) {
      if (level[first] <= threshold) continue;
      let last = first;
      while (last < level.length && level[last] > threshold) last++;
      if (lasts(first, last) >= CLICK_S && !isSteady(smooth.slice(first, last))) {
        const before = runs.at(-1)?.at(-1);
        const pause = before ? first - before[1] : Infinity;
        if (pause > this.gap) runs.push([[first, last]]);
        else if (this.pause === null || pause < this.pause) before[1] = last;
        else runs.at(-1).push([first, last]);
      }
      first = last;
    }
    // The overlap of frames lengthens a click by a frame less a hop.
    return runs.filter((run) => lasts(run[0][0], run.at(-1)[1]) >= CLICK_S + (FRAME_MS - HOP_MS) / 1000);
  }

  /** Each frame's power in the band of speech, less its constant part; the power of that part; each band's power. */
  #lessBackground() {
    const { bands, sounds } = this;
    const smooth = bands.map((_, i) => {
      // The mean over those of N_SMOOTHED frames that exist and are not digital silence.
      const mean = new Float64Array(N_BANDS);
      let n = 0;
      for (let j = Math.max(0, i - EDGE); j <= Math.min(bands.length - 1, i + EDGE); j++) {
        n += sounds[j];
        for (let k = 0; k < N_BANDS; k++) mean[k] += bands[j][k];
      }
      return mean.map((total) => total / Math.max(n, 1));
    });
    const sounding = smooth.filter((_, i) => sounds[i]);
    const floor = Array.from({ length: N_BANDS }, (_, k) =>
      percentile(Float64Array.from(sounding, (one) => one[k]), FLOOR_PERCENT),
    );
    const power = Float64Array.from(smooth, (one, i) =>
      sounds[i] ? one.reduce((total, band, k) => total + Math.max(band - OVER_SUBTRACTION * floor[k], 0), 0) : 0,
    );
    return [power, sum(floor), smooth];
  }
}

/** Whether frames with this power in each band are a noise that has ended: until then it was the background. */
function isSteady(bands) {
  const first = Math.round((STEADY_S * 1000) / HOP_MS);
  if (bands.length < first) return false;
  const power = Float64Array.from(bands, sum);
  const least = percentile(power.subarray(0, first), FLOOR_PERCENT);
  return power.reduce((a, b) => Math.max(a, b)) < 10 ** (STEADY_DB / 10) * least;
}

/** numpy's percentile: linear between the two nearest. */
function percentile(values, percent) {
  const sorted = Float64Array.from(values).sort();
  const at = ((sorted.length - 1) * percent) / 100;
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (at - below);
}

function sum(values) {
  return values.reduce((a, b) => a + b, 0);
}

/** The waveforms of `blocks`, concatenated. */
export function joined(blocks) {
  const whole = new Float32Array(sum(blocks.map((block) => block.length)));
  let at = 0;
  for (const block of blocks) {
    whole.set(block, at);
    at += block.length;
  }
  return whole;
}

/** The segment of a recording that is taken as the name. Throws NoSpeechError for silence. */
export function loudest(waveform, sampleRate) {
  const peak = waveform.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  if (peak < SILENCE) throw new NoSpeechError(`no speech found: peak amplitude ${peak.toPrecision(1)} is silence`);
  const endpointer = new Endpointer(sampleRate);
  const segments = [...endpointer.feed(waveform), ...endpointer.finish()];
  if (!segments.length) throw new NoSpeechError(`no speech found: ${endpointer.reason}`);
  return segments.reduce((best, one) => (one.power > best.power ? one : best));
}
