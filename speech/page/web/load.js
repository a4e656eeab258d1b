// Loads what recognition needs, when it is needed: the recogniser at once, the rest after it.

import { G2P } from "./g2p.js";
import { load, open, setUp } from "./onnx.js";
import { Dictionary } from "./pronounce.js";
import { Recognizer } from "./recognizer.js";

const text = async (place) => new TextDecoder().decode(await load(place));
const model = async (place, level = "basic") => open(await load(place), level);

/** A function that calls `make()` once, and again only if that failed. */
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
 * `{recognizer, example, loadReaders, loadFinder}`: `example` is the first list of names, `{text, say,
 * pronunciations}`; `loadReaders()` returns what pronounces other names, `{g2p, dictionary}`; `loadFinder()` sets the
 * recogniser's finder, if there is one. Each throws an Error that says what could not be loaded, and the way out.
 */
export async function loadAll() {
  setUp();
  // Optimising its graph takes 0.45 s, and saves 7 ms per name.
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
