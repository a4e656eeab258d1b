// End-pointing: the span of the name in a recording, between silence, hum and clicks. speech/audio/endpointing.py.
//
// Short-time energy in the band of speech (Rabiner and Sambur 1975), less the constant power of each band (spectral
// subtraction, Boll 1979), then a threshold below the loudest frame.

import { PowerSpectrum } from "./fft.js";

const FRAME_MS = 25;
const HOP_MS = 10;
const BAND_HZ = [200, 7000]; // mains hum and rumble are below; an s may have no power under 4 000
const N_BANDS = 16; // on the mel scale
const N_SMOOTHED = 5; // frames
const TILT_HZ = 2200; // above it power is raised by 6 dB an octave: fricatives are softer than vowels
const FLOOR_PERCENT = 10; // of the frames are background, at least
const NAME_S = 1; // few names are longer: the rest of a recording is background
const OVER_SUBTRACTION = 3; // times the floor is subtracted
const DEPTH_DB = 35; // the threshold under the loudest frame
const OVER_FLOOR_DB = 8; // or over the background, where that is higher
const LEAST_DEPTH_DB = 12; // but never nearer to the loudest frame
const TRIMMED_S = 0.8; // in a clip of less sound the background is itself speech:
const TRIMMED_DEPTH_DB = 22; // nor nearer than this
const LEAST_RATIO = 1; // the loudest frame's excess over the background's power: a steady noise stays under it
export const GAP_S = 0.8; // the pause between a first and a last name
const CLICK_S = 0.03; // shorter than any isolated phone
export const MARGIN_S = 0.06; // onset and release are softer than the threshold
export const SILENCE = 1e-4; // peak amplitude (-80 dBFS)

/** No span of the recording is louder than its background. */
export class NoSpeechError extends Error {}

/** The frames of a waveform as it grows: the power of each in the bands of speech, and whether it sounds at all. */
export class Frames {
  constructor(sampleRate) {
    this.length = Math.round((sampleRate * FRAME_MS) / 1000);
    this.hop = Math.round((sampleRate * HOP_MS) / 1000);
    this.bands = []; // Float64Array(N_BANDS) of each frame
    this.sounds = []; // the others are digital silence (padding), which tells nothing about the background
    this.peaks = []; // amplitude
    this.spectrum = new PowerSpectrum(this.length);
    this.power = new Float64Array(Math.floor(this.length / 2) + 1);
    this.frame = new Float64Array(this.length);
    this.window = Float64Array.from(
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

  /** Compute the frames of `waveform`, of which those of before are its first ones. */
  extend(waveform) {
    const n = Math.max(1, Math.floor((waveform.length - this.length) / this.hop) + 1);
    for (let i = this.bands.length; i < n; i++) {
      let peak = 0;
      for (let j = 0; j < this.length; j++) {
        const sample = waveform[i * this.hop + j] ?? 0;
        peak = Math.max(peak, Math.abs(sample));
        this.frame[j] = sample * this.window[j];
      }
      const bands = new Float64Array(N_BANDS);
      if (peak >= SILENCE) {
        this.spectrum.into(this.frame, this.power);
        this.power.forEach((power, k) => {
          if (this.band[k] >= 0) bands[this.band[k]] += power * this.weight[k];
        });
      }
      this.bands.push(bands);
      this.sounds.push(peak >= SILENCE);
      this.peaks.push(peak);
    }
    return this;
  }

  /** Forget the first `n` frames. */
  drop(n) {
    for (const some of [this.bands, this.sounds, this.peaks]) some.splice(0, n);
  }

  /** The samples of the name, [start, stop], of a waveform of `nSamples`, without a margin. Throws NoSpeechError. */
  findSpeech(nSamples) {
    const { sounds } = this;
    const nSounding = sounds.filter(Boolean).length;
    if (!nSounding) throw new NoSpeechError("no speech found: it is silence");
    const [power, floor] = this.#lessBackground();
    const loudest = power.reduce((a, b) => Math.max(a, b), 0);
    if (loudest <= LEAST_RATIO * floor) throw new NoSpeechError("no speech found: the sound never changes");
    const level = power.map((one) => 10 * Math.log10(one / loudest + 1e-10));
    const soundsS = (nSounding * HOP_MS) / 1000;
    const rest = 1 - NAME_S / soundsS; // proportion of the recording without the name
    const background = percentile(level.filter((_, i) => sounds[i]), Math.max(FLOOR_PERCENT, 70 * rest));
    const leastDepth = soundsS < TRIMMED_S ? TRIMMED_DEPTH_DB : LEAST_DEPTH_DB;
    const threshold = Math.max(-DEPTH_DB, Math.min(background + OVER_FLOOR_DB, -leastDepth));
    const run = loudestRun(level, threshold, power);
    return [run[0] * this.hop, Math.min(nSamples, (run[1] - 1) * this.hop + this.length)];
  }

  /** Power of each frame in the band of speech, less its constant part; and the power of that part. */
  #lessBackground() {
    const { bands, sounds } = this;
    const edge = Math.floor(N_SMOOTHED / 2);
    const smooth = bands.map((_, i) => {
      // The mean over N_SMOOTHED frames, of those that exist and sound.
      const mean = new Float64Array(N_BANDS);
      let n = 0;
      for (let j = Math.max(0, i - edge); j <= Math.min(bands.length - 1, i + edge); j++) {
        n += sounds[j];
        for (let k = 0; k < N_BANDS; k++) mean[k] += bands[j][k];
      }
      return mean.map((sum) => sum / Math.max(n, 1));
    });
    const floor = Array.from({ length: N_BANDS }, (_, k) =>
      percentile(Float64Array.from(smooth.filter((_, i) => sounds[i]), (one) => one[k]), FLOOR_PERCENT),
    );
    const power = Float64Array.from(smooth, (one, i) => {
      let sum = 0;
      if (sounds[i]) one.forEach((band, k) => (sum += Math.max(band - OVER_SUBTRACTION * floor[k], 0)));
      return sum;
    });
    return [power, floor.reduce((a, b) => a + b, 0)];
  }
}

/** numpy's percentile: linear between the two nearest. */
function percentile(values, percent) {
  const sorted = Float64Array.from(values).sort();
  const at = ((sorted.length - 1) * percent) / 100;
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (at - below);
}

/** Of the runs of loud frames, joined over short gaps, the one of most power, [first, last + 1]. */
function loudestRun(level, threshold, power) {
  const hopS = HOP_MS / 1000;
  const widening = Math.floor(N_SMOOTHED / 2); // by the smoothing, except beyond an end
  const lasts = (first, last) => (last - first - widening * ((first > 0) + (last < level.length))) * hopS;
  const runs = [];
  for (let first = 0; first < level.length; first++) {
    if (level[first] <= threshold) continue;
    let last = first;
    while (last < level.length && level[last] > threshold) last++;
    if (lasts(first, last) >= CLICK_S) {
      const before = runs.at(-1);
      if (before && (first - before[1]) * hopS <= GAP_S) before[1] = last;
      else runs.push([first, last]);
    }
    first = last;
  }
  // The overlap of frames makes a click longer by a frame less a hop.
  const long = runs.filter((run) => lasts(...run) >= CLICK_S + (FRAME_MS - HOP_MS) / 1000);
  if (!long.length) throw new NoSpeechError("no speech found: nothing but clicks");
  const total = ([first, last]) => power.subarray(first, last).reduce((a, b) => a + b, 0);
  return long.reduce((best, run) => (total(run) > total(best) ? run : best));
}

/** The samples of the name in `waveform`, [start, stop]. Throws NoSpeechError for silence. */
export function findSpeech(waveform, sampleRate) {
  const peak = waveform.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  if (peak < SILENCE) throw new NoSpeechError(`no speech found: peak amplitude ${peak.toPrecision(1)} is silence`);
  return new Frames(sampleRate).extend(waveform).findSpeech(waveform.length);
}

/**
 * The samples from `start` to `stop` with MARGIN_S before and after them, and the time in seconds at which that begins.
 * Where the recording ends within the margin it is padded with zeros; the time may be negative.
 */
export function withMargin(waveform, [start, stop], sampleRate) {
  const margin = Math.round(sampleRate * MARGIN_S);
  const speech = new Float32Array(stop - start + 2 * margin);
  const first = Math.max(0, start - margin);
  speech.set(waveform.subarray(first, stop + margin), first - (start - margin));
  return [speech, (start - margin) / sampleRate];
}
