// Forced alignment: the frames of each letter on the likeliest path that spells a text (Viterbi 1967).
// speech/inference/align.py.

import { maySkip, withBlanks } from "./score.js";

/** The first frame of each of `symbols` and the one after its last; the symbols have to fit into the frames. */
export function align(frames, symbols) {
  const states = withBlanks(symbols);
  const skip = maySkip(states);
  const n = states.length;
  let best = states.map((state, s) => (s < 2 ? frames.data[state] : -Infinity));
  const cameFrom = [];
  for (let t = 1; t < frames.nFrames; t++) {
    const row = frames.row(t);
    const from = new Int8Array(n);
    best = states.map((state, s) => {
      const ways = [best[s], s > 0 ? best[s - 1] : -Infinity, skip[s] ? best[s - 2] : -Infinity];
      from[s] = ways.indexOf(Math.max(...ways));
      return ways[from[s]] + row[state];
    });
    cameFrom.push(from);
  }
  let state = n === 1 || best[n - 1] >= best[n - 2] ? n - 1 : n - 2;
  const path = [state];
  for (const from of cameFrom.reverse()) path.push((state -= from[state]));
  path.reverse();
  return symbols.map((_, i) => [path.indexOf(2 * i + 1), path.lastIndexOf(2 * i + 1) + 1]);
}
