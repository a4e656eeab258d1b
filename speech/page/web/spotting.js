// Keyword spotting: names of a list inside of running speech, where no pause tells their ends.
// speech/inference/spotting.py.
//
// Token passing (Young, Russell and Thornton 1989) by Viterbi over the CTC states of each pronunciation, which may
// begin in every frame. Its score is the log of the likelihood ratio between its path and the filler, the likeliest
// symbol of each frame (Rose and Paul 1990). Each span is then recognised by itself, and confirmed by all of its paths.

import { UNFITTED } from "./confirmation.js";
import { corrected } from "./label_prior.js";
import { maySkip, withBlanks } from "./score.js";
import { fuse, havePronunciations, length, letterScores, phoneScores } from "./scoring.js";

const THRESHOLD = -1.6; // nats a symbol: what is recognised by itself
const SHORTNESS = 6; // nats: the fewer symbols a name has, the more other words fit by chance
const PRIOR_WEIGHT = 0.3; // of the labels' prior: with ranking's, for names alone, blanks win too seldom here
const LEAST_PROBABILITY = 0.05; // of a pronunciation: rarer ones cost time and false alarms
const N_VARIANTS = 4; // of a name
const LONGEST_S = 0.3; // of a span, times its symbols
const SPAN_MARGIN_S = 0.09; // around a span: what a symbol is recognised by lies around its peak
const FORBIDDEN = -1e9; // stands for log 0

/** The best path of each text, from its first symbol to its last, that ends in each frame. */
class Paths {
  /** A path begins in any frame with `restart`, else in the first. */
  constructor(texts, restart = true) {
    this.restart = restart;
    this.columns = texts.map((symbols) => {
      const states = withBlanks(symbols).slice(1, -1);
      return { states, skip: maySkip(states), alpha: new Float32Array(states.length + 2) };
    });
    this.begin();
  }

  /** No frame was before. */
  begin() {
    // Two rows above the states: from the second each text begins, from the first nothing comes.
    for (const { alpha } of this.columns) alpha.fill(FORBIDDEN).fill(0, 1, 2);
  }

  /** Their scores in the next frame, of whose symbols `local` are the scores. */
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

/** The score of a candidate, nats a symbol, less what a text of so few symbols has by chance. */
export const ratio = (one) => one.score - SHORTNESS / one.nSymbols;

/** Nats over the threshold, in all. */
const excess = (one) => (one.score - THRESHOLD) * one.nSymbols;

/**
 * Spans of a stream of frames that may be one of `texts`, by one output: `{first, last, score, nSymbols, text}`, in
 * frames, the score in nats a symbol.
 *
 * A text's candidate is the best of each run of frames that it may end in, or of the first of these where none is better
 * for `holdS`: in silence, of which a path may wait in a blank, a run lasts long. They are told of `holdS` after the last
 * of them ended, if no other may end then; those that overlap are one together. In any blocks they are the same.
 */
export class Search {
  /** `scores(clip)` gives the frames (score.js) of the output that is searched. */
  constructor(texts, frameS, holdS, scores) {
    Object.assign(this, { texts, scores, hold: holdS / frameS });
    this.paths = new Paths(texts);
    this.longest = texts.map((text) => Math.ceil((text.length * LONGEST_S) / frameS));
    this.waits = this.longest.map((longest) => Math.min(longest, this.hold)); // frames of a run after its best
    this.begin();
  }

  /** A stream begins, of which no frame was heard. */
  begin() {
    const { texts } = this;
    this.paths.begin();
    this.nFrames = 0;
    this.recent = []; // each frame's score of each symbol, from frame `first` on
    this.first = 0;
    this.best = texts.map(() => -Infinity); // of each text in its run of frames, and after which
    this.bestAt = texts.map(() => 0);
    this.closed = texts.map(() => false); // whether a text's run goes on, whose candidate is known
    this.open = false; // whether the last frame is in any other's
    this.unsettled = [];
  }

  /** Those that are settled now, by time. */
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

  /** Those that the end of the stream settles. */
  finish() {
    this.texts.forEach((_, i) => this.#close(i));
    return this.#settle();
  }

  /** The run of frames of text `i` is over, if it is in one. */
  #close(i) {
    if (this.best[i] === -Infinity) return;
    const [text, last, longest] = [this.texts[i], this.bestAt[i], this.longest[i]];
    // Where its best path begins: the same pass, backwards from its end.
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

/** The symbols of the N_VARIANTS likeliest, of which all but the first are of LEAST_PROBABILITY or more. */
function likeliest(variants) {
  const ordered = [...variants].sort((a, b) => b.logP - a.logP).slice(0, N_VARIANTS);
  return ordered.filter(({ logP }, i) => !i || logP >= Math.log(LEAST_PROBABILITY)).map(({ symbols }) => symbols);
}

/** Finds the names of a Map `lexicon` of entries in what `recognizer` hears, by their phones if there are any. */
export class Spotter {
  /** `perHour` false alarms, above 0, of running speech are let pass for each name. */
  constructor(recognizer, lexicon, perHour) {
    Object.assign(this, { recognizer, lexicon, perHour });
    this.least = this.threshold(recognizer);
    this.output = recognizer.inventory && havePronunciations([...lexicon.values()]) ? "phones" : "letters";
    const some = [...lexicon].map(([name, entry]) => ({ name, texts: likeliest(entry[this.output]) }));
    this.texts = some.flatMap(({ texts }) => texts);
    this.names = some.flatMap(({ name, texts }) => texts.map(() => name)); // of each text of a candidate
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
   * `startS` into the recording, as the frames of `one` do.
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

  /** Candidates of a stream, told of `holdS` after they end, by what `finder` hears. */
  search(holdS, finder = this.recognizer) {
    return new Search(this.texts, finder.frameS, holdS, (clip) => fair(finder, clip)[this.output]);
  }

  /** What a score has to reach, as it was fitted to `recognizer`. */
  threshold(recognizer) {
    return (recognizer.confirmation ?? UNFITTED).threshold(this.perHour);
  }

  /** Whether a span with the log-probabilities `clip` is `name`, the likeliest, even in running speech. */
  confirms(clip, name) {
    return this.#score(clip, name) >= this.least;
  }

  #score(clip, name) {
    const entry = this.lexicon.get(name);
    const heard = fair(this.recognizer, clip);
    const [letters] = letterScores(heard, [entry]);
    const phones = phoneScores(heard, [entry]);
    const nLetters = entry.letters[0].symbols.length;
    const ofLetters = (letters - filler(heard.letters)) / nLetters;
    if (!phones) return ofLetters - SHORTNESS / nLetters;
    const nPhones = length(entry.phones);
    const ofPhones = (phones[0] - filler(heard.phones)) / nPhones;
    return fuse(this.recognizer.phonesWeight, ofLetters, ofPhones) - SHORTNESS / nPhones;
  }
}

/** The score of the likeliest symbol of each frame. */
function filler(frames) {
  return Array.from({ length: frames.nFrames }, (_, t) => Math.max(...frames.row(t))).reduce((a, b) => a + b, 0);
}

/** `clip` less the prior of the labels of `recognizer`, by PRIOR_WEIGHT, where it has one. */
function fair({ labelPrior }, clip) {
  return labelPrior ? corrected(clip, labelPrior.log_priors, [PRIOR_WEIGHT, PRIOR_WEIGHT]) : clip;
}

/** What the recogniser is unsure of, or calls none of the list, the likelihood ratio decides. */
export function decided({ transcript, ...spotted }) {
  return { ...spotted, transcript: { ...transcript, accepted: true, unsure: false } };
}
