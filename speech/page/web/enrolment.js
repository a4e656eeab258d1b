// Enrolment without training: the decodings of a name's recordings are added to its entry.
// speech/inference/enrolment.py, which has the same file format.

import { TextError } from "./alphabet.js";
import { nBest } from "./prefix_beam.js";

const FORMAT = 1;
const N_BEST = 20; // strings kept for each recording and output
const ROUNDING = 1e-9; // error of the logarithm of a probability
const WEIGHT = 0.5; // of the recordings' variants, if the name has a spelling too

/** Enrol the name that is said in each of `clips` (log-probabilities, scoring.js): `{decoded, nRecordings, spelled}`. */
export function enrol(clips, spelled = true) {
  const decoded = {
    letters: variants(clips.map((clip) => clip.letters)),
    phones: clips[0].phones ? variants(clips.map((clip) => clip.phones)) : [],
  };
  if (!decoded.letters.length || (clips[0].phones && !decoded.phones.length))
    throw new TextError("nothing was recognised in these recordings: record the name again, closer to the microphone");
  return { decoded, nRecordings: clips.length, spelled };
}

/** The entry of a spelled name: its `typed` variants and those of its recordings. */
export function beside({ decoded }, typed) {
  return { letters: mixed(typed.letters, decoded.letters), phones: mixed(typed.phones, decoded.phones) };
}

/** The likeliest strings of one output; a string's probability among a recording's N_BEST, averaged over recordings. */
function variants(recordings) {
  const found = new Map();
  for (const frames of recordings) {
    const strings = nBest(frames, N_BEST).filter(({ symbols }) => symbols.length);
    const total = strings.reduce((sum, { p }) => sum + p, 0);
    for (const { symbols, p } of strings) {
      const one = found.get(symbols.join()) ?? { symbols, p: 0 };
      one.p += p / total / recordings.length;
      found.set(symbols.join(), one);
    }
  }
  return [...found.values()].sort((a, b) => b.p - a.p).map(({ symbols, p }) => ({ symbols, logP: Math.log(p) }));
}

function mixed(typed, decoded) {
  if (!typed.length) return decoded;
  const weighted = (some, weight) => some.map(({ symbols, logP }) => ({ symbols, logP: logP + Math.log(weight) }));
  return [...weighted(typed, 1 - WEIGHT), ...weighted(decoded, WEIGHT)];
}

/** The text of a file of `enrolled` (a Map by name), which python -m speech.transcribe enrolled=FILE reads. */
export function write(enrolled, alphabet, inventory) {
  const names = {};
  for (const [name, one] of enrolled) {
    names[name] = {
      letters: one.decoded.letters.map(({ symbols, logP }) => [alphabet.decode(symbols), logP]),
      phones: one.decoded.phones.map(({ symbols, logP }) => [inventory.decode(symbols), logP]),
      n_recordings: one.nRecordings,
      spelled: one.spelled,
    };
  }
  return JSON.stringify({ format: FORMAT, names }, null, 1);
}

/** The names in the text of such a file, a Map. Throws TextError, naming the `file`, for any other file. */
export function read(text, file, alphabet, inventory) {
  const wrong = (reason) => new TextError(`${file}: not a file of enrolled names (${reason}): enrol them again`);
  try {
    const content = JSON.parse(text);
    if (content.format !== FORMAT) throw new TextError(`format ${content.format}, this page reads ${FORMAT}`);
    return new Map(Object.entries(content.names).map(([name, one]) => [name, readOne(one, alphabet, inventory)]));
  } catch (error) {
    throw wrong(error.message);
  }
}

function readOne(one, alphabet, inventory) {
  const read = (some, encode) => some.map(([string, logP]) => ({ symbols: encode(string), logP }));
  const letters = read(one.letters, (string) => alphabet.encode(string));
  const phones = inventory ? read(one.phones, (string) => inventory.encode(string)) : [];
  const areProbabilities = [...letters, ...phones].every(({ logP }) => Number.isFinite(logP) && logP < ROUNDING);
  if (!letters.length || (inventory && !phones.length) || !areProbabilities)
    throw new TextError("a name without strings, or with an invalid probability");
  return { decoded: { letters, phones }, nRecordings: Number(one.n_recordings), spelled: Boolean(one.spelled) };
}
