// An audio worklet: what comes from the microphone, mono, in blocks to the page. It needs no clock and no frame.

const BLOCK = 2048; // samples

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = new Float32Array(BLOCK);
    this.n = 0;
    this.port.onmessage = () => {
      this.#send();
      this.port.postMessage(null); // the last
    };
  }

  process([channels]) {
    const n = channels?.[0]?.length ?? 0; // an input may have no channel for a while
    for (let i = 0; i < n; i++) {
      let sum = 0;
      for (const channel of channels) sum += channel[i];
      this.block[this.n++] = sum / channels.length;
      if (this.n === BLOCK) this.#send();
    }
    return true;
  }

  #send() {
    const block = this.block.slice(0, this.n);
    this.n = 0;
    this.port.postMessage(block, [block.buffer]);
  }
}

registerProcessor("capture", Capture);
