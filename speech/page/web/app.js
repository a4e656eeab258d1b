// The page: the actions of its buttons.

import { TextError } from "./alphabet.js";
import { AudioError, readClip, readSound } from "./clip.js";
import { byId, percent, tell } from "./element.js";
import { NoSpeechError } from "./endpointing.js";
import { enrol, read, write } from "./enrolment.js";
import { NameList } from "./list.js";
import { Listener } from "./listening.js";
import { loadAll } from "./load.js";
import { Microphone, MicrophoneError } from "./microphone.js";
import { faultsOf, level, levelFaults } from "./quality.js";
import { Resampler } from "./resample.js";
import { Result } from "./result.js";

const MOST_RECORDINGS = 5; // of a name
const GRACE_S = 12; // to say the name that is being recorded
const PER_HOUR = 5; // false alarms allowed for each name in running speech: the default of python -m speech.listen
const BETWEEN_MS = 200; // between steps of loading, in which the page is drawn and clicks are handled
const LONGEST_S = 600; // of a recording that is searched for names, second by second: all of it is in memory
const TOLD_EVERY_S = 10; // of the recording: how often progress is shown

class App {
  constructor(engine) {
    this.recognizer = engine.recognizer;
    this.loadFinder = engine.loadFinder;
    this.loadReaders = engine.loadReaders;
    this.result = new Result(engine.recognizer);
    this.list = new NameList(engine, (name) => this.record(name));
    this.recordings = new Map(); // by name, the log-probabilities of each recording
    this.microphone = null;
    this.listener = null;
    this.recording = null; // the name whose recording is awaited
    byId("listen").addEventListener("click", () => (this.microphone ? this.stop() : this.listen()));
    byId("choose").addEventListener("click", () => byId("file").click());
    byId("file").addEventListener("change", ({ target }) => this.hearFiles(target));
    byId("open").addEventListener("click", () => byId("enrolled").click());
    byId("enrolled").addEventListener("change", ({ target }) => this.openEnrolled(target));
    byId("save").addEventListener("click", () => this.saveEnrolled());
    byId("within").addEventListener("change", () => (this.listener ? this.#listenAnew() : this.loadFinder()));
    this.#takeDrops();
  }

  async start() {
    await this.list.update();
    for (const id of ["listen", "choose", "open"]) byId(id).disabled = false;
    tell("status", "");
  }

  /** Load what the page does not need at first: a first run, which is slower; the finder for sentences; the readers. */
  async complete() {
    const run = () => this.recognizer.logProbs(new Float32Array(this.recognizer.sampleRate));
    const finder = () => byId("within").checked && this.loadFinder();
    for (const step of [run, finder, this.loadReaders]) {
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_MS));
      await step();
    }
  }

  #takeDrops() {
    const over = (event, dropping) => {
      if (!event.dataTransfer.types.includes("Files")) return; // a text may be dropped into the list
      event.preventDefault();
      document.body.classList.toggle("dropping", dropping);
    };
    document.addEventListener("dragover", (event) => over(event, true));
    document.addEventListener("dragleave", (event) => over(event, false));
    document.addEventListener("drop", (event) => {
      over(event, false);
      this.hearFiles({ files: event.dataTransfer.files });
    });
  }

  /** Process each of the files in turn, also files of enrolled names; an unusable one is reported by its name. */
  async hearFiles(input) {
    const files = [...input.files];
    input.value = ""; // the same file may be chosen again
    tell("problem", "");
    const wrong = [];
    for (const file of files) {
      if (file.name.toLowerCase().endsWith(".json")) {
        await this.openEnrolled({ files: [file] });
        continue;
      }
      try {
        await (byId("within").checked ? this.#recogniseWithin(file) : this.#recogniseAlone(file));
      } catch (error) {
        if (error instanceof NoSpeechError) wrong.push(`${file.name}: ${error.message}`);
        else if (error instanceof AudioError) wrong.push(error.message);
        else throw error;
      }
    }
    tell("problem", wrong.join(" — "));
  }

  /** Show the name in a recording of one name. */
  async #recogniseAlone(file) {
    const waveform = await readClip(file, this.recognizer.sampleRate);
    const { span, ...transcript } = await this.recognizer.transcribe(waveform, this.list.entries);
    this.result.show({ waveform, span, transcript, faults: levelFaults(waveform, span) }, file.name);
  }

  /** Show each name in a recording, said alone or within a sentence. */
  async #recogniseWithin(file) {
    const { sampleRate } = this.recognizer;
    const { mono, rate } = await readSound(file, LONGEST_S, "cut it up, or use python -m speech.spot");
    const resampler = rate === sampleRate ? null : new Resampler(rate, sampleRate);
    let n = 0;
    const name = (found) => {
      n++;
      this.result.show(found, `${file.name}, ${(found.startS + found.span[0] / sampleRate).toFixed(1)} s`);
    };
    await this.loadFinder();
    const listener = new Listener(this.recognizer, () => this.list.entries, { speaking() {}, name }, PER_HOUR);
    try {
      for (let s = 0; s * rate < mono.length; s++) {
        if (s && s % TOLD_EVERY_S === 0) tell("status", `${file.name}: ${s} of ${Math.round(mono.length / rate)} s are done.`);
        const second = mono.subarray(s * rate, (s + 1) * rate);
        await listener.push(resampler ? resampler.push(second) : second);
        await otherTasks();
      }
      if (resampler) await listener.push(resampler.finish());
      await listener.finish();
    } finally {
      tell("status", "");
    }
    if (!n) throw new NoSpeechError(`no speech found: ${listener.endpointer.reason}`);
  }

  async listen() {
    if (this.turning) return; // the button is not disabled: it would lose the keyboard focus
    this.turning = true;
    tell("problem", "");
    tell("microphone", "Allow the microphone where the browser asks for it.");
    const microphone = new Microphone(this.recognizer.sampleRate, {
      block: (samples) => {
        this.#level(samples);
        this.listener?.push(samples).catch(failed);
      },
      note: (text) => tell("microphone", text || this.#listening()),
      paused: (reason) => {
        this.listener?.finish().catch(failed);
        this.#stopped(reason);
      },
    });
    try {
      this.microphone = await microphone.start();
      await this.#listenAnew();
      if (this.microphone) byId("listen").textContent = "Stop"; // otherwise it was gone at once
    } catch (error) {
      await microphone.stop(); // the finder could not be loaded, for example
      this.#stopped(error instanceof MicrophoneError ? error.message : "");
      if (!(error instanceof MicrophoneError)) throw error;
    } finally {
      this.turning = false;
    }
  }

  /** Start a new listener, also for names within sentences if chosen; a name to record is taken by itself, to its end. */
  async #listenAnew() {
    if (byId("within").checked) await this.loadFinder();
    const { recording, listener } = this;
    const on = {
      speaking: (found) => this.result.show(found, "microphone", false),
      name: (found) => this.#recognised(found, recording),
    };
    const perHour = byId("within").checked && !recording ? PER_HOUR : null;
    this.listener = new Listener(this.recognizer, () => this.list.entries, on, perHour, !recording);
    tell("microphone", this.#listening());
    await listener?.finish();
  }

  #listening() {
    const how = byId("within").checked ? ", alone or in a sentence" : "";
    const asked = this.recording ? `Say “${this.recording.text}” now.` : `Listening: say a name of the list${how}.`;
    return this.microphone ? `${asked} (${this.microphone.description})` : "";
  }

  async stop() {
    if (this.turning) return;
    this.turning = true;
    try {
      await this.microphone.stop();
      await this.listener?.finish();
      this.#stopped("");
    } finally {
      this.turning = false;
    }
  }

  #stopped(reason) {
    this.microphone = null;
    this.listener = null;
    this.recording = null;
    byId("listen").textContent = "Listen";
    byId("level").value = -60;
    tell("microphone", "Or drop recordings anywhere on the page.");
    tell("problem", reason);
  }

  #level(samples) {
    const meter = byId("level");
    const loud = Math.max(-60, level(samples));
    meter.value = loud;
    meter.textContent = `${loud.toFixed(0)} dB`;
  }

  #recognised(found, recording) {
    this.result.show(found, "microphone");
    if (recording && recording === this.recording) this.#enrol(recording, found);
  }

  /** Wait for `name` at the microphone, and enrol its recording. */
  async record(name) {
    this.recording = name;
    await (this.microphone ? this.#listenAnew() : this.listen());
    if (!this.microphone) {
      byId("problem").scrollIntoView({ block: "center" });
      return;
    }
    tell("enrolment", `Say “${name.text}” once.`);
    setTimeout(() => {
      if (this.recording === name) tell("enrolment", `Nothing was recorded for “${name.text}” yet: say it closer to the microphone, or louder.`);
    }, GRACE_S * 1000);
  }

  #enrol(name, { waveform, span, transcript }) {
    const faults = faultsOf(waveform, span, this.recognizer.sampleRate);
    if (faults.length) {
      tell("enrolment", `This recording of “${name.text}” is not kept: ${faults.join("; ")}. Say it again.`);
      return;
    }
    this.recording = null;
    const clips = [...(this.recordings.get(name.text) ?? []), transcript.clip].slice(-MOST_RECORDINGS);
    try {
      const enrolled = enrol(clips, !this.list.isLabel(name));
      this.recordings.set(name.text, clips);
      this.list.enrol(new Map([[this.list.labelOf(name), enrolled]])).catch(failed);
      tell("enrolment", `“${name.text}” has ${clips.length} of ${MOST_RECORDINGS} recordings. ${this.#gain(name, clips)}`);
    } catch (error) {
      if (!(error instanceof TextError)) throw error;
      tell("enrolment", error.message);
    }
    this.#listenAnew().catch(failed);
  }

  /** The gain from the recordings: each one is recognised with the others enrolled, and with none. */
  #gain(name, clips) {
    if (this.list.isLabel(name)) return ""; // nothing to compare with
    if (clips.length < 2) return "Record it once more to see whether that helps.";
    const mean = (enrolledWithout) => {
      const each = clips.map((clip, i) => {
        const entry = this.list.entryOf(name, enrolledWithout(i));
        const { names } = this.recognizer.rank(clip, new Map([...this.list.entries, [name.text, entry]]));
        return names.find((one) => one.text === name.text).probability;
      });
      return each.reduce((a, b) => a + b, 0) / each.length;
    };
    const before = mean(() => undefined);
    const after = mean((i) => enrol(clips.filter((_, j) => j !== i)));
    return `Its mean probability: ${percent(before)} by its spelling alone, ${percent(after)} with the other recordings.`;
  }

  async openEnrolled(input) {
    const [file] = input.files;
    const { alphabet, inventory } = this.recognizer;
    try {
      const enrolled = read(await file.text(), file.name, alphabet, inventory);
      await this.list.enrol(enrolled);
      for (const name of enrolled.keys()) this.recordings.delete(name);
      tell("enrolment", `${file.name}: ${[...enrolled.keys()].join(", ")}`);
    } catch (error) {
      if (!(error instanceof TextError)) throw error;
      tell("enrolment", error.message);
    } finally {
      input.value = "";
    }
  }

  saveEnrolled() {
    const { alphabet, inventory } = this.recognizer;
    const file = new Blob([write(this.list.enrolled, alphabet, inventory)], { type: "application/json" });
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(file), download: "enrolled.json" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
}

/** Let the page be drawn and clicks be handled. In a hidden tab a timer would take a second, or a minute. */
function otherTasks() {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = resolve;
    port2.postMessage(null);
  });
}

/** Report an error of the page itself too: nothing fails silently. */
function failed(error) {
  tell("problem", `Something went wrong (${error.message ?? error}): load the page again.`);
  console.error(error);
}

async function start() {
  window.addEventListener("unhandledrejection", ({ reason }) => failed(reason));
  window.addEventListener("error", ({ error, message }) => failed(error ?? message));
  try {
    const app = new App(await loadAll());
    await app.start();
    await app.complete();
  } catch (error) {
    byId("status").className = "problem";
    tell("status", error.message);
    console.error(error);
  }
}

if (window.pageStarted()) start(); // otherwise boot.js says why not
