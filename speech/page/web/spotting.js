// Keyword spotting: finds names of a list within running speech, where no pause marks their ends.
// speech/inference/spotting.py.
//
// Token passing (Young, Russell and Thornton 1989), by Viterbi over the CTC states of each pronunciation, finds
// candidate spans, which may begin in any frame. A candidate's score is the log-likelihood ratio between its path and
// the filler, the likeliest symbol of each frame (Rose and Paul 1990). Each span is then recognised by itself, and
// confirmed by all of its paths.

import { UNFITTED } from "./confirmation.js";
import { corrected } from "./label_prior.js";
import { maySkip, withBlanks } from "./score.js";
import { fuse, havePronunciations, length, letterScores, phoneScores } from "./scoring.js";

const THRESHOLD = -1.6; // nats per symbol: candidates that score as high are recognised by themselves
const SHORTNESS = 6; // nats: the fewer symbols a name has, the more other words fit by chance
const PRIOR_WEIGHT = 0.3; // of the label prior: with the weight for isolated names, blanks would win too seldom here
const LEAST_PROBABILITY = 0.05; // of a pronunciation: rarer ones cost time and cause false alarms
const N_VARIANTS = 4; // of a name
const LONGEST_S = 0.3; // the longest span, per symbol
const SPAN_MARGIN_S = 0.09; // around a span: the sound that identifies a symbol lies around its peak
const FORBIDDEN = -1e9; // stands for log 0

/** The best path of each text, from its first symbol to its last, that ends in each frame. */
class Paths {
  /** With `restart` a path may begin in any frame, else only in the first. */
  constructor(texts, restart = true) {
    this.restart = restart;
    this.columns = texts.map((symbols) => {
      const states = withBlanks(symbols).slice(1, -1);
      return { states, skip: maySkip(states), alpha: new Float32Array(states.length + 2) };
    });
    this.begin();
  }

  /** Begin a new stream of frames. */
  begin() {
    // Two rows above the states: every text begins from the second; no path comes from the first.
    for (const { alpha } of this.columns) alpha.fill(FORBIDDEN).fill(0, 1, 2);
  }

  /** The paths' scores in the next frame, in which `local` are the symbols' scores. */
  next(local) {
    return this.columns.map(({ states, skip, alpha }) => {
      for (let s = states.length - 1; s >= 0; s--) {
        const best = Math.max(alpha[s + 2], alpha[s + 1], skip[s] ? alpha[s] : FORBIDDEN);
        alpha[s + 2] = best + local[states[s]];
      }
      if (!this.restart) alpha[1] = FORBIDDEN;
      return alpha[alpha.length - 1];
    });
  }
}

/** The score of a candidate, nats per symbol, less the penalty for short texts, which fit more often by chance. */
export const ratio = (one) => one.score - SHORTNESS / one.nSymbols;

/** Nats above the threshold, over all symbols. */
const excess = (one) => (one.score - THRESHOLD) * one.nSymbols;

/**
 * Finds the spans of a stream of frames that may be one of `texts`, by one output: `{first, last, score, nSymbols,
 * text}`, in frames, the score in nats per symbol.
 *
 * A text may end in runs of consecutive frames. Its candidate ends in the best frame of a run, or in the best so far if
 * no better one follows within `holdS`: in silence, where a path may stay in a blank, a run lasts long. Candidates are
 * returned `holdS` after the last of them ended, unless another may still end; overlapping ones are merged. The sizes
 * of the blocks do not affect the result.
 */
export class Search {
  /** `scores(clip)` gives the frames (score.js) of the output that is searched. */
  constructor(texts, frameS, holdS, scores) {
    Object.assign(this, { texts, scores, hold: holdS / frameS });
    this.paths = new Paths(texts);
    this.longest = texts.map((text) => Math.ceil((text.length * LONGEST_S) / frameS));
    this.waits = this.longest.map((longest) => Math.min(longest, this.hold)); // frames to wait for a better one
    this.begin();
  }

  /** Begin a new stream. */
  begin() {
    const { texts } = this;
    this.paths.begin();
    this.nFrames = 0;
    this.recent = []; // each frame's score of each symbol, from frame `first` on
    this.first = 0;
    this.best = texts.map(() => -Infinity); // best score of each text in its current run, and after how many frames
    this.bestAt = texts.map(() => 0);
    this.closed = texts.map(() => false); // whether a text's run continues after its candidate is known
    this.open = false; // whether the last frame is in the run of any other text
    this.unsettled = [];
  }

  /** The candidates that are now settled, by time. */
  feed(clip) {
    const settled = [];
    if (!this.texts.length) return settled;
    const scores = this.scores(clip);
    for (let t = 0; t < scores.nFrames; t++) {
      const row = scores.row(t);
      const most = Math.max(...row);
      const local = Float32Array.from(row, (one) => one - most);
      this.recent.push(local);
      const each = this.paths.next(local).map((score, i) => score / this.texts[i].length);
      this.nFrames++;
      const since = (i) => this.nFrames - this.bestAt[i];
      this.closed = this.closed.map((closed, i) => closed && each[i] >= THRESHOLD && since(i) < this.longest[i]);
      const high = each.map((score, i) => score >= THRESHOLD && !this.closed[i]);
      if (!this.open && !this.unsettled.length && !high.includes(true)) continue;
      this.open = false;
      each.forEach((score, i) => {
        if (high[i] && score > this.best[i]) [this.best[i], this.bestAt[i]] = [score, this.nFrames];
        const over = this.best[i] > -Infinity && (!high[i] || since(i) >= this.waits[i]);
        if (over) this.#close(i);
        this.closed[i] ||= over && high[i];
        this.open ||= high[i] && !over;
      });
      if (!this.unsettled.length) continue;
      const waited = this.nFrames - Math.max(...this.unsettled.map((one) => one.last));
      if (waited >= this.hold && (!this.open || waited >= Math.max(...this.longest))) settled.push(...this.#settle());
    }
    const begun = this.bestAt.filter((_, i) => this.best[i] > -Infinity);
    const needed = Math.min(...begun, begun.length ? Infinity : this.nFrames) - Math.max(...this.longest) - 1;
    this.recent.splice(0, Math.max(0, needed - this.first));
    this.first = this.nFrames - this.recent.length;
    return settled;
  }

  /** The candidates that the end of the stream settles. */
  finish() {
    this.texts.forEach((_, i) => this.#close(i));
    return this.#settle();
  }

  /** End the run of text `i`, if it is in one, and add its candidate. */
  #close(i) {
    if (this.best[i] === -Infinity) return;
    const [text, last, longest] = [this.texts[i], this.bestAt[i], this.longest[i]];
    // The same pass, backwards from the end of its best path, finds where that begins.
    const stop = last - this.first;
    const backwards = new Paths([[...text].reverse()], false);
    const found = this.recent
      .slice(Math.max(0, stop - longest - 1), stop)
      .reverse()
      .map((local) => backwards.next(local)[0]);
    const nFrames = found.indexOf(Math.max(...found)) + 1;
    if (nFrames <= longest)
      this.unsettled.push({ first: last - nFrames, last, score: this.best[i], nSymbols: text.length, text: i });
    this.best[i] = -Infinity;
  }

  #settle() {
    const kept = [];
    for (const one of this.unsettled.sort((a, b) => excess(b) - excess(a))) {
      const over = kept.filter((other) => one.first < other.last && other.first < one.last);
      if (!over.length) kept.push({ ...one });
      else if (over.length === 1 && excess(one) > excess(over[0]) / 2)
        Object.assign(over[0], { first: Math.min(over[0].first, one.first), last: Math.max(over[0].last, one.last) });
    }
    this.unsettled = [];
    return kept.sort((a, b) => a.first - b.first || a.last - b.last);
  }
}

/** The symbols of the N_VARIANTS likeliest; all but the first have LEAST_PROBABILITY or more. */
function likeliest(variants) {
  const ordered = [...variants].sort((a, b) => b.logP - a.logP).slice(0, N_VARIANTS);
  return ordered.filter(({ logP }, i) => !i || logP >= Math.log(LEAST_PROBABILITY)).map(({ symbols }) => symbols);
}

/** Finds the names of a Map `lexicon` of entries in running speech, by their phones if all have any. */
export class Spotter {
  /** `perHour`, above 0, is the number of false alarms allowed for each name in an hour of running speech. */
  constructor(recognizer, lexicon, perHour) {
    Object.assign(this, { recognizer, lexicon, perHour });
    this.least = this.threshold(recognizer);
    this.output = recognizer.inventory && havePronunciations([...lexicon.values()]) ? "phones" : "letters";
    const some = [...lexicon].map(([name, entry]) => ({ name, texts: likeliest(entry[this.output]) }));
    this.texts = some.flatMap(({ texts }) => texts);
    this.names = some.flatMap(({ name, texts }) => texts.map(() => name)); // the name of each text
  }

  /** The names in `waveform`, whose log-probabilities are `clip`, and which begins `startS` into the recording. */
  async spot(waveform, clip, startS) {
    const found = [];
    const search = this.search(Infinity);
    for (const one of [...search.feed(clip), ...search.finish()]) {
      const { score, spotted } = await this.recognised(one, waveform, startS);
      const { accepted, unsure } = spotted.transcript;
      if ((accepted !== false || unsure) && score >= this.least) found.push(decided(spotted));
    }
    return found;
  }

  /**
   * The candidate's span recognised by itself, `spotted`, and the `score` of its likeliest name. `waveform` begins
   * `startS` into the recording, and the frames of `one` are counted from there.
   */
  async recognised(one, waveform, startS) {
    const { recognizer } = this;
    const { frameS, sampleRate } = recognizer;
    const [frame, margin] = [frameS, SPAN_MARGIN_S].map((s) => Math.round(s * sampleRate));
    const begin = Math.max(0, one.first * frame - margin);
    const clip = await recognizer.logProbs(waveform.subarray(begin, one.last * frame + margin));
    const transcript = recognizer.transcript(clip, startS + begin / sampleRate, this.lexicon);
    const spotted = { startS: startS + one.first * frameS, endS: startS + one.last * frameS, transcript };
    return { score: this.#score(clip, transcript.names[0].text), spotted };
  }

  /** A search for candidates in a stream, returned `holdS` after they end, by the log-probabilities of `finder`. */
  search(holdS, finder = this.recognizer) {
    return new Search(this.texts, finder.frameS, holdS, (clip) => fair(finder, clip)[this.output]);
  }

  /** The score that a name has to reach, as fitted to `recognizer`. */
  threshold(recognizer) {
    return (recognizer.confirmation ?? UNFITTED).threshold(this.perHour);
  }

  /** Whether a span with the log-probabilities `clip` is its likeliest `name` by the threshold for running speech. */
  confirms(clip, name) {
    return this.#score(clip, name) >= this.least;
  }

  #score(clip, name) {
    const entry = this.lexicon.get(name);
    const fairClip = fair(this.recognizer, clip);
    const [letters] = letterScores(fairClip, [entry]);
    const phones = phoneScores(fairClip, [entry]);
    const nLetters = entry.letters[0].symbols.length;
    const ofLetters = (letters - filler(fairClip.letters)) / nLetters;
    if (!phones) return ofLetters - SHORTNESS / nLetters;
    const nPhones = length(entry.phones);
    const ofPhones = (phones[0] - filler(fairClip.phones)) / nPhones;
    return fuse(this.recognizer.phonesWeight, ofLetters, ofPhones) - SHORTNESS / nPhones;
  }
}

/** The score of the likeliest symbol of each frame. */
function filler(frames) {
  return Array.from({ length: frames.nFrames }, (_, t) => Math.max(...frames.row(t))).reduce((a, b) => a + b, 0);
}

/** `clip` less PRIOR_WEIGHT times the label prior of `recognizer`; unchanged if it has none. */
function fair({ labelPrior }, clip) {
  return labelPrior ? corrected(clip, labelPrior.log_priors, [PRIOR_WEIGHT, PRIOR_WEIGHT]) : clip;
}

/** `spotted` as accepted: its likelihood ratio overrules the rejection model. */
export function decided({ transcript, ...spotted }) {
  return { ...spotted, transcript: { ...transcript, accepted: true, unsure: false } };
}
