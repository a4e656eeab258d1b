// Everything that recognises, loaded when it is needed: the recogniser at once, the others after it.

import { G2P } from "./g2p.js";
import { load, open, setUp } from "./onnx.js";
import { Dictionary } from "./pronounce.js";
import { Recognizer } from "./recognizer.js";

const text = async (place) => new TextDecoder().decode(await load(place));
const model = async (place, level = "basic") => open(await load(place), level);

/** `make()`, made once; again where that failed. */
function once(make) {
  let made = null;
  return () => {
    made ??= make().catch((error) => {
      made = null;
      throw error;
    });
    return made;
  };
}

/**
 * `{recognizer, example, loadReaders, loadFinder}`: `example` are names to begin with, `{text, say, pronunciations}`;
 * `loadReaders()` gives what pronounces others, `{g2p, dictionary}`; `loadFinder()` gives the recogniser its finder, if
 * it has one. Each throws an Error that says what could not be loaded, and the way out.
 */
export async function loadAll() {
  setUp();
  // To optimise it takes 0.45 s, and saves 7 ms a name.
  const [opened, settings] = await Promise.all([model("recognizer.onnx", "disabled"), text("settings.json")]);
  const recognizer = new Recognizer(opened, "recognizer.onnx");
  const { example, finder } = JSON.parse(settings);
  return {
    recognizer,
    example,
    loadReaders: once(async () => {
      const [g2p, lexicon] = await Promise.all([model("g2p.onnx"), text("lexicon.txt")]);
      return { g2p: new G2P(g2p), dictionary: new Dictionary(lexicon) };
    }),
    loadFinder: once(async () => {
      if (finder) recognizer.finder = new Recognizer(await model(finder), finder);
    }),
  };
}
