// Resampling of sound in blocks: band-limited interpolation by a windowed sinc (J. O. Smith, "Digital Audio Resampling").

const ATTENUATION_DB = 120; // of aliases
const PASSED = 0.913; // of the band passes without loss; from there to the band's end the filter falls

/** Resamples from `from` Hz to `to` Hz, in blocks of any size; the size does not affect the result. */
export class Resampler {
  constructor(from, to) {
    const divisor = gcd(from, to);
    this.up = to / divisor; // phases
    this.down = from / divisor;
    const band = Math.min(1, to / from); // as a proportion of the input's band
    const width = (1 - PASSED) * band * Math.PI;
    this.half = Math.ceil((ATTENUATION_DB - 8) / (2.285 * width) / 2); // Kaiser's formulas, also in the next line
    this.beta = 0.1102 * (ATTENUATION_DB - 8.7);
    this.cutoff = (band * (1 + PASSED)) / 2;
    this.kernels = new Map(); // by phase
    this.kept = new Float32Array(this.half); // samples that the next block still needs; zeros before the first
    this.first = -this.half; // index of its first sample in the input
    this.next = 0; // index of the next output
    this.nIn = 0;
  }

  push(block) {
    const samples = new Float32Array(this.kept.length + block.length);
    samples.set(this.kept);
    samples.set(block, this.kept.length);
    this.nIn += block.length;
    const last = this.first + samples.length - this.half; // outputs before this have all their input
    const found = [];
    for (; ; this.next++) {
      const place = (this.next * this.down) / this.up;
      const at = Math.floor(place);
      if (at >= last) break;
      const kernel = this.#kernel((this.next * this.down) % this.up);
      const start = at - this.half + 1 - this.first;
      let sum = 0;
      for (let i = 0; i < kernel.length; i++) sum += kernel[i] * samples[start + i];
      found.push(sum);
    }
    const needed = Math.max(0, Math.floor((this.next * this.down) / this.up) - this.half - this.first);
    this.kept = samples.slice(needed);
    this.first += needed;
    return Float32Array.from(found);
  }

  /** The outputs that waited for input that no longer comes. */
  finish() {
    const n = Math.round((this.nIn * this.up) / this.down) - this.next;
    return this.push(new Float32Array(this.half + 1)).subarray(0, Math.max(0, n));
  }

  /** The weights of the `2 half` input samples around an output that lies `phase / up` after one of them. */
  #kernel(phase) {
    let kernel = this.kernels.get(phase);
    if (!kernel) {
      kernel = Float64Array.from({ length: 2 * this.half }, (_, i) => {
        const x = i - this.half + 1 - phase / this.up;
        const sinc = x === 0 ? this.cutoff : Math.sin(Math.PI * this.cutoff * x) / (Math.PI * x);
        return sinc * (bessel(this.beta * Math.sqrt(Math.max(0, 1 - (x / this.half) ** 2))) / bessel(this.beta));
      });
      this.kernels.set(phase, kernel);
    }
    return kernel;
  }
}

/** All of `samples` at once. */
export function resample(samples, from, to) {
  if (from === to) return samples;
  const resampler = new Resampler(from, to);
  const [most, rest] = [resampler.push(samples), resampler.finish()];
  const whole = new Float32Array(most.length + rest.length);
  whole.set(most);
  whole.set(rest, most.length);
  return whole;
}

const gcd = (a, b) => (b ? gcd(b, a % b) : a);

/** The modified Bessel function of order 0, by its series. */
function bessel(x) {
  let [sum, term] = [1, 1];
  for (let k = 1; term > 1e-12 * sum; k++) sum += term *= (x / (2 * k)) ** 2;
  return sum;
}
