// An audio worklet that sends the microphone's channels to the page in blocks. It depends on no timer and no frame.

const BLOCK = 2048; // samples

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = [];
    this.n = 0;
    this.port.onmessage = () => {
      this.#send();
      this.port.postMessage(null); // the end
    };
  }

  process([channels]) {
    const n = channels?.[0]?.length ?? 0; // an input may have no channel for a while
    if (!n) return true;
    if (channels.length !== this.block.length) {
      this.#send();
      this.block = channels.map(() => new Float32Array(BLOCK));
    }
    for (let i = 0; i < n; i++) {
      channels.forEach((channel, c) => (this.block[c][this.n] = channel[i]));
      if (++this.n === BLOCK) this.#send();
    }
    return true;
  }

  #send() {
    if (!this.n) return;
    const block = this.block.map((channel) => channel.slice(0, this.n));
    this.n = 0;
    this.port.postMessage(block, block.map((channel) => channel.buffer));
  }
}

registerProcessor("capture", Capture);
