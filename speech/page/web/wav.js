// Reads a WAV file's samples unchanged: a browser would resample them while decoding.

/** A recording that cannot be used; the message gives the reason and the way out. */
export class AudioError extends Error {}

const UNKNOWN = 0x7fff0000; // lengths from here on, and 0, mean unknown: speech/audio/containers.py
const MISCOUNT = 128; // bytes by which a header may be wrong that counts itself or a padding
const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;

/** `{rate, channels}` of the bytes of a WAV file, each channel in [-1, 1]; null for a kind that is not read here. */
export function decodeWav(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tag = (at) => String.fromCharCode(...bytes.subarray(at, at + 4));
  if (bytes.length < 12 || !["RIFF", "RIFX"].includes(tag(0)) || tag(8) !== "WAVE") return null;
  const isLittle = tag(0) === "RIFF"; // byte order
  let format = null;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const [name, size] = [tag(at), view.getUint32(at + 4, isLittle)];
    const start = at + 8;
    if (name === "fmt " && start + 16 <= bytes.length) {
      const code = view.getUint16(start, isLittle);
      format = {
        code: code === EXTENSIBLE && start + 26 <= bytes.length ? view.getUint16(start + 24, isLittle) : code,
        nChannels: view.getUint16(start + 2, isLittle),
        rate: view.getUint32(start + 4, isLittle),
        bits: view.getUint16(start + 14, isLittle),
      };
    } else if (name === "data") {
      if (!format) break;
      const read = reader(view, format, isLittle);
      if (!read) return null;
      if (!format.nChannels) throw new AudioError("a header without channels: record it again");
      const isKnown = size ? size < UNKNOWN : isChunks(bytes, view, start, isLittle);
      if (isKnown && start + size - bytes.length > MISCOUNT)
        throw new AudioError("truncated: its header states more samples: copy it again");
      const step = (format.bits / 8) * format.nChannels;
      const n = Math.floor(Math.min(isKnown ? size : Infinity, bytes.length - start) / step);
      const channel = (c) => Float32Array.from({ length: n }, (_, i) => read(start + i * step + (c * format.bits) / 8));
      return { rate: format.rate, channels: Array.from({ length: format.nChannels }, (_, c) => channel(c)) };
    }
    at = start + size + (size % 2);
  }
  throw new AudioError("no samples in it: record it again");
}

/** Whether there are only chunks from `at` to the end, like those after the empty sound of a closed file. */
function isChunks(bytes, view, at, isLittle) {
  for (; at + 8 <= bytes.length; at += 8 + view.getUint32(at + 4, isLittle) + (view.getUint32(at + 4, isLittle) % 2))
    if (!bytes.subarray(at, at + 4).every((byte) => byte >= 32 && byte < 127)) return false;
  return Math.abs(at - bytes.length) <= 1;
}

function reader(view, { code, bits }, isLittle) {
  const readers = {
    [`${PCM} 8`]: (at) => (view.getUint8(at) - 128) / 128,
    [`${PCM} 16`]: (at) => view.getInt16(at, isLittle) / 32768,
    [`${PCM} 24`]: (at) => (view.getInt16(isLittle ? at + 1 : at, isLittle) * 256 + view.getUint8(isLittle ? at : at + 2)) / 8388608,
    [`${PCM} 32`]: (at) => view.getInt32(at, isLittle) / 2147483648,
    [`${FLOAT} 32`]: (at) => view.getFloat32(at, isLittle),
    [`${FLOAT} 64`]: (at) => view.getFloat64(at, isLittle),
  };
  return readers[`${code} ${bits}`];
}
