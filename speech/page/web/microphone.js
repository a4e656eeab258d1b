// The microphone, opened at its own rate and resampled here: Firefox refuses another rate, Safari ignores one.

import { Mono } from "./mono.js";
import { Resampler } from "./resample.js";

const STALLED_S = 3; // without a block for so long, the sound has stopped, whatever state the browser reports
const SILENT_S = 3; // of exact zeros: no microphone is so quiet
const USUAL_RATES = [48000, 44100]; // to try if the browser's own rate and the track's are refused

/** Why there is no sound, as a sentence with the way out. */
export class MicrophoneError extends Error {}

export class Microphone {
  /**
   * `on.block(samples)` gets the sound at `sampleRate` Hz; `on.note(text)` reports something unusual;
   * `on.paused(text)`, that no sound comes until the microphone is opened again.
   */
  constructor(sampleRate, on) {
    Object.assign(this, { sampleRate, on, silent: 0, receivedAt: 0, open: false });
  }

  /** Ask for the microphone. Throws MicrophoneError. */
  async start() {
    if (!navigator.mediaDevices?.getUserMedia && window.isSecureContext)
      throw new MicrophoneError("This browser does not give pages the microphone: change its settings, open the page in another browser, or drop a file.");
    if (!navigator.mediaDevices?.getUserMedia)
      throw new MicrophoneError(
        `Browsers give the microphone only to https pages and to localhost, not to ${location.origin}: open http://localhost:${location.port || 80} on the machine that serves the page, or drop a file.`,
      );
    if (typeof AudioWorkletNode === "undefined")
      throw new MicrophoneError("This browser has no AudioWorklet: update it (Chrome 91, Firefox 89, Safari 16.4), or drop a file.");
    try {
      // Processing that a browser does for calls changes the sound of a name.
      const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
      this.stream = await navigator.mediaDevices.getUserMedia({ audio: plain });
      this.open = true;
      [this.track] = this.stream.getAudioTracks();
      await this.#connect();
    } catch (error) {
      await this.#close();
      throw explained(error);
    }
    this.track.onended = () => this.#pause("The microphone was disconnected: plug it in again, then press “Listen”.");
    this.track.onmute = () => this.on.note("The system has muted the microphone.");
    this.track.onunmute = () => this.on.note("");
    this.context.onstatechange = () => this.#check();
    this.receivedAt = performance.now();
    this.timer = setInterval(() => this.#check(), 1000);
    return this;
  }

  /** A description of the open microphone: its name, and its rate in Hz. */
  get description() {
    return `${this.track.label || "microphone"}, ${this.context.sampleRate} Hz`;
  }

  async #connect() {
    const rates = [...new Set([undefined, this.track.getSettings?.().sampleRate, ...USUAL_RATES])];
    for (const rate of rates) {
      this.context = new AudioContext(rate && { sampleRate: rate });
      try {
        this.source = this.context.createMediaStreamSource(this.stream);
        break;
      } catch (error) {
        await this.context.close();
        if (error.name !== "NotSupportedError" || rate === rates.at(-1)) throw error;
      }
    }
    this.context.resume().catch(() => {}); // if it stays suspended, #check reports it
    try {
      await this.context.audioWorklet.addModule(new URL("capture.js", import.meta.url));
    } catch (error) {
      throw new MicrophoneError(`capture.js was not loaded (${error.message}): start the page's server again, then press “Listen” again.`);
    }
    this.mono = new Mono();
    this.resampler = new Resampler(this.context.sampleRate, this.sampleRate);
    this.node = new AudioWorkletNode(this.context, "capture", { numberOfOutputs: 0 });
    this.node.port.onmessage = ({ data }) => this.#take(data);
    this.source.connect(this.node);
  }

  #take(channels) {
    this.receivedAt = performance.now();
    if (!channels) {
      this.flushed?.();
      return;
    }
    const block = this.mono.push(channels);
    const wasSilent = this.silent >= SILENT_S * this.context.sampleRate;
    this.silent = block.every((sample) => sample === 0) ? this.silent + block.length : 0;
    const isSilent = this.silent >= SILENT_S * this.context.sampleRate;
    const why = "The microphone gives digital silence: it is muted, or the system's privacy settings deny it to the browser.";
    if (isSilent !== wasSilent) this.on.note(isSilent ? why : "");
    const same = this.context.sampleRate === this.sampleRate;
    this.on.block(same ? block : this.resampler.push(block));
  }

  #check() {
    if (!this.open) return;
    const { state } = this.context;
    if (state === "interrupted" || state === "suspended")
      this.#pause(`The browser has paused the sound (${state}: a call, or a locked screen): press “Listen” to continue.`);
    else if (performance.now() - this.receivedAt > STALLED_S * 1000)
      this.#pause("The microphone no longer gives any sound: press “Listen” to open it again.");
  }

  async #pause(reason) {
    if (!this.open) return;
    await this.#close();
    this.on.paused(reason);
  }

  /** Pass every recorded sample to `on.block`, then close the microphone, so that its light goes out. */
  async stop() {
    if (!this.open) return;
    if (this.context.state === "running") {
      const flushed = new Promise((resolve) => (this.flushed = resolve));
      this.node.port.postMessage("flush");
      await Promise.race([flushed, new Promise((resolve) => setTimeout(resolve, 300))]);
    }
    const rest = this.resampler.finish();
    if (this.context.sampleRate !== this.sampleRate && rest.length) this.on.block(rest);
    await this.#close();
  }

  async #close() {
    this.open = false;
    clearInterval(this.timer);
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    if (this.context && this.context.state !== "closed") await this.context.close().catch(() => {});
  }
}

/** Which policy denies the page the microphone, whatever the user allows; null if that is not known. */
function policyAgainst(error) {
  const allowed = document.featurePolicy?.allowsFeature("microphone"); // only Chromium has it
  if (error.name !== "SecurityError" && (error.name !== "NotAllowedError" || allowed !== false)) return null;
  return window.parent === window
    ? "The server that sends this page denies it the microphone: let it send Permissions-Policy: microphone=(self); or drop a file."
    : `This page is in a frame that was not given the microphone: let the page around it write <iframe allow="microphone">, or open ${location.href} by itself; or drop a file.`;
}

function explained(error) {
  if (error instanceof MicrophoneError) return error;
  const reason = policyAgainst(error);
  if (reason) return new MicrophoneError(reason);
  const reasons = {
    NotAllowedError:
      "The microphone was denied: allow it at the icon beside the address (and in the system's privacy settings), then press “Listen” again; or drop a file.",
    NotFoundError: "No microphone was found: plug one in, then press “Listen” again; or drop a file.",
    AbortError: "The system did not start the microphone: plug it in again, or choose another, then press “Listen” again; or drop a file.",
    NotReadableError: "Another program holds the microphone: close that, then press “Listen” again; or drop a file.",
  };
  return new MicrophoneError(
    reasons[error.name] ?? `The microphone could not be opened (${error.name}: ${error.message}): try another browser, or drop a file.`,
  );
}
