// Channels of a stream to one, block by block. speech/audio/streams.py.

/** Channels that are opposite to the loudest are turned: a microphone that is wired so would be silent. */
export class Mono {
  #products = new Float64Array(0); // of each channel with each other, so far

  /** One channel of `channels`, as many samples each. */
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
