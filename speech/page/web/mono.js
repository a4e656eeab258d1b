// Mixes the channels of a stream to one, block by block. speech/audio/streams.py.

/** Channels in antiphase to the loudest are inverted: otherwise a microphone that is wired so would be silent. */
export class Mono {
  #products = new Float64Array(0); // of each pair of channels, summed so far

  /** `channels`, of equal length, mixed to one channel. */
  push(channels) {
    const n = channels.length;
    if (n === 1) return channels[0];
    if (this.#products.length !== n * n) this.#products = new Float64Array(n * n);
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) this.#products[i * n + j] += product(channels[i], channels[j]);
    const powers = channels.map((_, i) => this.#products[i * n + i]);
    const loudest = powers.indexOf(Math.max(...powers));
    const weights = channels.map((_, i) => this.#products[loudest * n + i] / Math.max(powers[loudest], 1e-20));
    const total = Math.max(product(weights, weights), 1e-20);
    return channels[0].map((_, k) => channels.reduce((sum, channel, i) => sum + weights[i] * channel[k], 0) / total);
  }
}

function product(a, b) {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
  return sum;
}
