// Reads a dropped file as mono sound, or as a waveform at the recogniser's rate. speech/audio/files.py.

import { resample } from "./resample.js";
import { AudioError, decodeWav } from "./wav.js";

export { AudioError };

const LONGEST_S = 60; // of one name, which takes one second; the bound is for memory and time
const LARGEST_MB = 100; // a minute in any format is smaller
const RATES = [4000, 384000]; // Hz: any other is a damaged header
const USUAL_RATE = 48000; // of what a browser or a phone records
const CANCELLED = 0.1; // of the loudest channel's power: if the mean has no more, the channels cancel or are empty

/** The samples of `file`, mono at `sampleRate` Hz. Throws AudioError, which names the file. */
export async function readClip(file, sampleRate) {
  const { mono, rate } = await readSound(file, LONGEST_S, "cut it up, or let the page find names inside of sentences");
  return resample(mono, rate, sampleRate);
}

/** `{mono, rate}` of `file`. Throws AudioError, which names the file and, if it is over `longestS` s, gives `wayOut`. */
export async function readSound(file, longestS, wayOut) {
  const tooLong = (size) => new AudioError(`${size}, over the ${longestS} s that the page accepts: ${wayOut}`);
  try {
    if (!file.size) throw new AudioError("the file is empty (0 bytes): record it again");
    if (file.size > LARGEST_MB * 1e6) throw tooLong(`${Math.round(file.size / 1e6)} MB large`);
    const bytes = new Uint8Array(await file.arrayBuffer());
    const wav = decodeWav(bytes);
    if (!wav && (await durationS(file)) > longestS) throw tooLong("too long"); // before it is read into memory
    const { rate, channels } = wav ?? (await decodeByBrowser(file, bytes));
    if (rate < RATES[0] || rate > RATES[1])
      throw new AudioError(`its sample rate, ${rate} Hz, is outside the range ${RATES[0]} to ${RATES[1]} Hz`);
    const n = channels[0]?.length ?? 0;
    if (!n) throw new AudioError("no samples in it: record it again");
    if (n / rate > longestS) throw tooLong(`${Math.round(n / rate)} s long`);
    const mono = mixed(channels);
    if (!mono.every(Number.isFinite)) throw new AudioError("some of its samples are NaN or infinite: export it again");
    return { mono, rate };
  } catch (error) {
    if (error instanceof AudioError) throw new AudioError(`${file.name}: ${error.message}`);
    // A folder that was dropped, a file that was moved, or a header with impossible values.
    if (error instanceof DOMException || error instanceof RangeError)
      throw new AudioError(`${file.name}: not readable (${error.message}): choose a file of sound, or record it again`);
    throw error;
  }
}

/** The mean of the channels; the loudest channel if they cancel, or if most are empty. */
function mixed(channels) {
  if (channels.length === 1) return channels[0];
  const mean = channels[0].map((_, i) => channels.reduce((sum, channel) => sum + channel[i], 0) / channels.length);
  const powers = channels.map(variance);
  const loudest = Math.max(...powers);
  return variance(mean) <= CANCELLED * loudest ? channels[powers.indexOf(loudest)] : mean;
}

function variance(samples) {
  let [sum, squares] = [0, 0];
  for (const sample of samples) {
    sum += sample;
    squares += sample * sample;
  }
  return squares / samples.length - (sum / samples.length) ** 2;
}

async function decodeByBrowser(file, bytes) {
  if (typeof OfflineAudioContext === "undefined")
    throw new AudioError(`this browser reads only WAV files: ${wayOut(file)}`);
  const rate = rateOf(bytes) ?? USUAL_RATE;
  try {
    const buffer = await new OfflineAudioContext(1, 1, rate).decodeAudioData(bytes.buffer);
    const channels = Array.from({ length: buffer.numberOfChannels }, (_, c) => buffer.getChannelData(c));
    return { rate: buffer.sampleRate, channels };
  } catch (error) {
    // Safari rejects with null.
    throw new AudioError(`not readable as audio (${error?.message ?? "the browser says no more"}): ${wayOut(file)}`);
  }
}

/** The way out for a file that cannot be read, although it may be undamaged: the command that converts it. */
function wayOut({ name, type }) {
  if (type.startsWith("text/")) return "if it is a list, copy its names into the list of the page";
  const [, stem, suffix] = /^(.*?)(\.[^.]*)?$/s.exec(name);
  const converted = `${stem}${suffix?.toLowerCase() === ".wav" ? ".flac" : ".wav"}`;
  const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`);
  return `convert it to WAV or FLAC: ffmpeg -i ${quoted(name)} ${quoted(converted)}`;
}

/** The length that a media element reads from the file's header; 0 if the header has none. */
function durationS(file) {
  const url = URL.createObjectURL(file);
  const element = new Audio();
  return new Promise((resolve) => {
    element.onloadedmetadata = () => resolve(Number.isFinite(element.duration) ? element.duration : 0);
    element.onerror = () => resolve(0);
    element.preload = "metadata";
    element.src = url;
  }).finally(() => URL.revokeObjectURL(url));
}

/** The rate in the header of a FLAC, Ogg Vorbis or MP3 file, so that the browser does not resample it. */
function rateOf(bytes) {
  const text = String.fromCharCode(...bytes.subarray(0, 64));
  const view = new DataView(bytes.buffer);
  if (text.startsWith("fLaC")) return view.getUint32(18) >>> 12;
  const vorbis = text.indexOf("\u0001vorbis");
  if (text.startsWith("OggS") && vorbis > 0) return view.getUint32(vorbis + 12, true);
  let at = 0;
  if (text.startsWith("ID3")) at = 10 + [6, 7, 8, 9].reduce((size, i) => size * 128 + bytes[i], 0);
  if (bytes[at] === 0xff && bytes[at + 1] >= 0xe2) {
    const version = (bytes[at + 1] >> 3) % 4; // 3 MPEG 1, 2 MPEG 2, 0 MPEG 2.5
    return [44100, 48000, 32000][(bytes[at + 2] >> 2) % 4] / { 3: 1, 2: 2, 0: 4 }[version] || null;
  }
  return null;
}
