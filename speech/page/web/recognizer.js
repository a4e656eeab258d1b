// An exported recogniser, from a clip or a stream to its transcript. speech/inference/runtime.py and transcriber.py.

import { align } from "./align.js";
import { Alphabet } from "./alphabet.js";
import { Confirmation } from "./confirmation.js";
import { collapse, decoderOf } from "./decode.js";
import { MARGIN_S, loudest } from "./endpointing.js";
import { beside } from "./enrolment.js";
import { corrected } from "./label_prior.js";
import { nameKey, spelling } from "./names.js";
import { Tensor } from "./onnx.js";
import { Inventory } from "./phones.js";
import { pronounce } from "./pronounce.js";
import { Rejection, evidence, fillerPath, meanFrameEntropy } from "./rejection.js";
import { Frames } from "./score.js";
import { certain, fuse, havePronunciations, length, letterScores, phoneScores } from "./scoring.js";
import { Stream, whole } from "./streaming.js";

const FORMAT = "1";

export class Recognizer {
  /** `model` is what onnx.js opened. Throws an Error, naming the file `place`, if it is not such a recogniser. */
  constructor(model, place) {
    const { metadata } = model;
    if (!metadata.alphabet || metadata.format !== FORMAT)
      throw new Error(`${place}: no recogniser of format ${FORMAT}: python -m speech.export writes one`);
    this.model = model;
    this.alphabet = new Alphabet(metadata.alphabet);
    this.inventory = metadata.phones ? new Inventory(JSON.parse(metadata.phones)) : null;
    this.names = JSON.parse(metadata.names);
    this.pronunciations = JSON.parse(metadata.pronunciations ?? "{}");
    this.decoder = decoderOf(JSON.parse(metadata.decoder));
    this.phonesWeight = Number(metadata.phones_weight ?? 0.5);
    this.labelPrior = metadata.label_prior ? JSON.parse(metadata.label_prior) : null;
    this.rejection = metadata.rejection ? new Rejection(JSON.parse(metadata.rejection)) : null;
    this.confirmation = metadata.confirmation ? new Confirmation(JSON.parse(metadata.confirmation)) : null;
    this.sampleRate = Number(metadata.sample_rate); // Hz
    const samplesPerFrame = Number(metadata.samples_per_frame);
    this.frameS = samplesPerFrame / this.sampleRate;
    this.windows = metadata.window_length
      ? { windowLength: Number(metadata.window_length), samplesPerFrame, overlap: Number(metadata.overlap) }
      : null; // if it needs whole clips
    this.finder = null; // the streaming recogniser that finds candidates for spotting, if there is one
  }

  /** The log-probabilities of one end-pointed waveform: `{letters, phones}` (score.js). */
  async logProbs(waveform) {
    if (this.windows) return whole(this.stream(), waveform);
    const [tensor] = await this.model.run(inputsOf(waveform, waveform.length), ["log_probs"]);
    return this.#clip(tensor, tensor.dims[1]);
  }

  /** A new stream through the network, which has to be a streaming one. */
  stream() {
    const [, nState] = this.model.shapeOf("state");
    return new Stream((...of) => this.#step(...of), new Float32Array(nState), this.windows);
  }

  async #step(samples, nSamples, state) {
    const inputs = { ...inputsOf(samples, nSamples), state: new Tensor("float32", state, [1, state.length]) };
    const [logProbs, nFrames, next] = await this.model.run(inputs, ["log_probs", "n_frames", "next_state"]);
    return [this.#clip(logProbs, Number(nFrames.data[0])), next.data];
  }

  /** The first `nFrames` of the graph's output, as the frames of letters and phones. */
  #clip(tensor, nFrames) {
    const nSymbols = tensor.dims[2];
    const columns = (from, to) => {
      const data = new Float64Array(nFrames * (to - from));
      for (let t = 0; t < nFrames; t++)
        data.set(tensor.data.subarray(t * nSymbols + from, t * nSymbols + to), t * (to - from));
      return new Frames(data, nFrames, to - from);
    };
    const { size } = this.alphabet;
    const clip = { letters: columns(0, size), phones: this.inventory ? columns(size, nSymbols) : null };
    tensor.dispose();
    return clip;
  }

  /** The pronunciations of each of `names` (`{text, say}`): given, else trained, else by the dictionary and the model. */
  async pronounce(names, loadReaders) {
    if (!this.inventory) return names.map(() => []);
    const trained = new Map(
      Object.entries(this.pronunciations).map(([name, some]) => [
        this.alphabet.fold(name),
        some.map(([phones, probability]) => ({ phones, probability })),
      ]),
    );
    const known = names.map((name) => (name.say.length ? null : trained.get(this.alphabet.fold(name.text))));
    const unknown = names.filter((_, i) => !known[i]);
    const others = unknown.length ? await pronounce(unknown, await loadReaders()) : [];
    return known.map((some) => some ?? others.shift());
  }

  /** The entry of `name` (`{text, say}`) with these pronunciations and, if it was recorded, its `enrolled` variants. */
  entry(name, pronunciations, enrolled) {
    const key = nameKey(name, this.alphabet);
    if (enrolled && !enrolled.spelled) return { ...enrolled.decoded, spelling: key }; // a label
    const typed = {
      letters: certain(this.alphabet.encode(spelling(name, this.alphabet))),
      phones: pronunciations.map(({ phones, probability }) => ({
        symbols: this.inventory.encode(phones),
        logP: Math.log(probability),
      })),
    };
    return { ...(enrolled ? beside(enrolled, typed) : typed), spelling: key };
  }

  /** The score by which each of `entries` is ranked, nats: letters and phones, fused. */
  scores(clip, entries, fair = true) {
    const some = fair && this.labelPrior ? corrected(clip, this.labelPrior.log_priors, this.labelPrior.weights) : clip;
    const [letters, phones] = [letterScores(some, entries), phoneScores(some, entries)];
    return phones ? letters.map((one, i) => fuse(this.phonesWeight, one, phones[i])) : letters;
  }

  /** p(out of list) of a clip against a list of `nNames` whose likeliest name is `first`. */
  outOfList(clip, first, nNames) {
    const both = clip.phones && havePronunciations([first]);
    const fused = (of) => (both ? fuse(this.phonesWeight, of("letters"), of("phones")) : of("letters"));
    const entropy = fused((output) => meanFrameEntropy(clip[output]));
    const nSymbols = fused((output) => length(first[output]));
    const path = {
      letters: certain(fillerPath(clip.letters)),
      phones: clip.phones ? certain(fillerPath(clip.phones)) : [],
    };
    const [best, filler] = this.scores(clip, [first, path], false);
    return this.rejection.probability(evidence(best, nSymbols, filler, entropy, nNames));
  }

  /** `{names, outOfList}` for a Map `lexicon` of entries by name: the names with their probabilities, best first. */
  rank(clip, lexicon) {
    if (!lexicon.size) return { names: [], outOfList: null };
    const [texts, entries] = [[...lexicon.keys()], [...lexicon.values()]];
    let scores = this.scores(clip, entries);
    let best = Math.max(...scores);
    const outOfList = this.rejection && this.outOfList(clip, entries[scores.indexOf(best)], entries.length);
    if (best === -Infinity) [scores, best] = [scores.map(() => 0), 0]; // no name fits into so few frames
    const weights = scores.map((one) => Math.exp(one - best));
    const total = weights.reduce((a, b) => a + b, 0);
    const names = texts.map((text, i) => ({ text, probability: weights[i] / total }));
    return { names: names.sort((a, b) => b.probability - a.probability), outOfList };
  }

  /** The transcript of an end-pointed waveform, by its log-probabilities; it begins `startS` into its recording. */
  transcript(clip, startS, lexicon) {
    const symbols = this.decoder(clip.letters);
    const letters = this.alphabet.decode(symbols);
    const ends = symbols.length ? align(clip.letters, symbols) : [];
    const spans = ends.map(([first, last], i) => ({
      letter: letters[i],
      startS: Math.max(0, startS + first * this.frameS),
      endS: Math.max(0, startS + last * this.frameS),
    }));
    const phones = clip.phones && this.inventory.decode(collapse(clip.phones.best())).join("");
    const { names, outOfList } = this.rank(clip, lexicon);
    const spelt = () => [...lexicon.values()].some(({ spelling }) => spelling === letters);
    const { accepted, unsure } =
      outOfList === null ? { accepted: null, unsure: null } : this.rejection.decide(outOfList, spelt());
    return { letters, phones, spans, names, outOfList, accepted, unsure, clip };
  }

  /** Transcribe a waveform at `sampleRate`; also its `span` in samples. Throws NoSpeechError for silence. */
  async transcribe(waveform, lexicon) {
    const { start, stop, waveform: speech } = loudest(waveform, this.sampleRate);
    const startS = (start - Math.round(MARGIN_S * this.sampleRate)) / this.sampleRate;
    return { ...this.transcript(await this.logProbs(speech), startS, lexicon), span: [start, stop] };
  }
}

function inputsOf(waveform, nSamples) {
  return {
    waveforms: new Tensor("float32", waveform, [1, waveform.length]),
    n_samples: new Tensor("int64", BigInt64Array.of(BigInt(nSamples)), [1]),
  };
}
