// Everything that recognises, loaded side by side.

import { G2P } from "./g2p.js";
import { load, open, setUp } from "./onnx.js";
import { Dictionary } from "./pronounce.js";
import { Recognizer } from "./recognizer.js";

/** `{recognizer, g2p, dictionary}`. Throws an Error that says what could not be loaded, and the way out. */
export async function loadAll() {
  const places = ["onnxruntime.wasm", "recognizer.onnx", "g2p.onnx", "lexicon.txt"];
  const [program, recognizer, g2p, lexicon] = await Promise.all(places.map(load));
  setUp(program);
  return {
    recognizer: new Recognizer(await open(recognizer)),
    g2p: new G2P(await open(g2p)),
    dictionary: new Dictionary(new TextDecoder().decode(lexicon)),
  };
}
