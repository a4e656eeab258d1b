// Everything that recognises, loaded side by side.

import { G2P } from "./g2p.js";
import { load, open, setUp } from "./onnx.js";
import { Dictionary } from "./pronounce.js";
import { Recognizer } from "./recognizer.js";

/** `{recognizer, g2p, dictionary}`. Throws an Error that says what could not be loaded, and the way out. */
export async function loadAll() {
  setUp();
  const model = async (place) => open(await load(place));
  const text = async (place) => new TextDecoder().decode(await load(place));
  const [recognizer, g2p, lexicon] = await Promise.all([model("recognizer.onnx"), model("g2p.onnx"), text("lexicon.txt")]);
  return { recognizer: new Recognizer(recognizer), g2p: new G2P(g2p), dictionary: new Dictionary(lexicon) };
}
