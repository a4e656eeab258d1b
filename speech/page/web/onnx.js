// Opens an ONNX file with onnxruntime-web for one thread: its session and its metadata.

import * as ort from "./onnxruntime.js";

export const { Tensor } = ort;

/** Fetch `place`, one of the page's own files. Throws an Error that names it and the way out. */
export async function load(place) {
  const url = new URL(place, import.meta.url);
  const response = await fetch(url).catch((error) => ({ ok: false, status: error.message }));
  if (!response.ok)
    throw new Error(`${place} could not be loaded (${response.status}): serve the whole folder that “make page” writes`);
  return new Uint8Array(await response.arrayBuffer());
}

const EMPTY = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]); // a program that does nothing

/** Set where onnxruntime's program is. Throws an Error if WebAssembly programs may not run. */
export function setUp() {
  try {
    new WebAssembly.Module(EMPTY);
  } catch {
    throw new Error(
      "The server's Content-Security-Policy forbids WebAssembly: let it add 'wasm-unsafe-eval' to script-src. Or: run python -m speech.page, and open the address that it prints.",
    );
  }
  ort.env.wasm.numThreads = 1; // a name is too short for more; and threads need SharedArrayBuffer, which few pages have
  ort.env.wasm.wasmPaths = { wasm: new URL("onnxruntime.wasm", import.meta.url).href }; // compiled while it is fetched
  ort.env.logLevel = "error";
}

/** `{run, metadata, shapeOf}` of the ONNX file `bytes`, its graph optimised up to onnxruntime's `level`. */
export async function open(bytes, level) {
  const options = { executionProviders: ["wasm"], graphOptimizationLevel: level };
  const session = await ort.InferenceSession.create(bytes, options).catch((error) => {
    throw new Error(`onnxruntime.wasm could not run the recogniser (${error.message}): serve the whole folder that “make page” writes`);
  });
  return {
    metadata: readMetadata(bytes),
    shapeOf: (input) => session.inputMetadata[session.inputNames.indexOf(input)].shape,
    /** The outputs named in `wanted`, as tensors, for the tensors `inputs`. */
    async run(inputs, wanted) {
      const outputs = await session.run(inputs, wanted);
      for (const tensor of Object.values(inputs)) tensor.dispose();
      return wanted.map((name) => outputs[name]);
    },
  };
}

/**
 * The metadata of an ONNX file, which onnxruntime-web does not expose: field 14 of its ModelProto, pairs of strings
 * (1 key, 2 value). Protocol buffers: https://protobuf.dev/programming-guides/encoding
 */
function readMetadata(bytes) {
  const METADATA = 14;
  const text = new TextDecoder();
  const found = {};
  for (const [field, pair] of fields(bytes)) {
    if (field !== METADATA) continue;
    const parts = Object.fromEntries(fields(pair));
    found[text.decode(parts[1])] = text.decode(parts[2] ?? new Uint8Array());
  }
  return found;
}

/** The fields of a message that are bytes, `[number, bytes]` each. */
function* fields(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error("an ONNX file that is cut short: download it again");
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const kind = key % 8;
    if (kind === 0) varint();
    else if (kind === 1) at += 8;
    else if (kind === 5) at += 4;
    else if (kind === 2) {
      const length = varint();
      yield [Math.floor(key / 8), bytes.subarray(at, (at += length))];
    } else throw new Error("no ONNX file: give one that python -m speech.export wrote");
  }
}
