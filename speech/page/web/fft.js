// The power spectrum of real frames of any length: the fast Fourier transform by prime factors (Cooley and Tukey 1965).

export class PowerSpectrum {
  /** For frames of `length` samples, with `length / 2 + 1` powers (rounded down). */
  constructor(length) {
    this.length = length;
    this.factors = primeFactors(length);
    this.cos = Float64Array.from({ length }, (_, i) => Math.cos((2 * Math.PI * i) / length));
    this.sin = Float64Array.from({ length }, (_, i) => -Math.sin((2 * Math.PI * i) / length));
    this.real = new Float64Array(length);
    this.imaginary = new Float64Array(length);
    const largest = Math.max(1, ...this.factors);
    this.parts = [new Float64Array(largest), new Float64Array(largest)];
  }

  /** |DFT|^2 of `frame`, into `power`. */
  into(frame, power) {
    this.#transform(frame, 0, 1, this.length, 0, 0);
    for (let k = 0; k < power.length; k++) power[k] = this.real[k] ** 2 + this.imaginary[k] ** 2;
  }

  #transform(frame, first, stride, n, at, depth) {
    const { real, imaginary, length, cos, sin } = this;
    if (n === 1) {
      real[at] = frame[first];
      imaginary[at] = 0;
      return;
    }
    const p = this.factors[depth];
    const m = n / p;
    for (let q = 0; q < p; q++) this.#transform(frame, first + q * stride, stride * p, m, at + q * m, depth + 1);
    const [re, im] = this.parts;
    for (let k = 0; k < m; k++) {
      for (let q = 0; q < p; q++) {
        const turn = (q * k * stride) % length;
        const [a, b] = [real[at + q * m + k], imaginary[at + q * m + k]];
        re[q] = a * cos[turn] - b * sin[turn];
        im[q] = a * sin[turn] + b * cos[turn];
      }
      for (let r = 0; r < p; r++) {
        let [a, b] = [re[0], im[0]];
        for (let q = 1; q < p; q++) {
          const turn = (((q * r) % p) * length) / p;
          a += re[q] * cos[turn] - im[q] * sin[turn];
          b += re[q] * sin[turn] + im[q] * cos[turn];
        }
        real[at + r * m + k] = a;
        imaginary[at + r * m + k] = b;
      }
    }
  }
}

function primeFactors(n) {
  const found = [];
  for (let p = 2; n > 1; p++) for (; n % p === 0; n /= p) found.push(p);
  return found;
}
