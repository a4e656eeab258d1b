// Shows a result: spectrogram and letters, the verdict, the names with their probabilities, what was cut off.

import { byId, element, percent, tell } from "./element.js";
import { draw } from "./spectrogram.js";

const N_SHOWN = 8; // names
const LETTER = { " ": "␣" }; // which would be invisible

export class Result {
  constructor(recognizer) {
    this.recognizer = recognizer;
    const again = () => this.shown && this.#picture(this.shown);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
    window.addEventListener("resize", again);
  }

  /** Show `found`, `{waveform, span, transcript, faults}`, in a stream also `startS`; `over` is false until it ends. */
  show(found, source, over = true) {
    this.shown = found;
    byId("result").hidden = false;
    this.#picture(found);
    const { names, outOfList, accepted, letters, phones } = found.transcript;
    const verdict = byId("verdict");
    verdict.className = over && accepted !== false && names.length ? "right" : "";
    if (!over) {
      verdict.textContent = `${letters || "…"} …`;
    } else {
      verdict.textContent = this.verdict(found);
      byId("before").prepend(element("li", { textContent: `${source}: ${verdict.textContent}` }));
      byId("history").hidden = byId("before").children.length < 2;
    }
    const { startS = 0 } = found;
    const seconds = (sample) => (startS + sample / this.recognizer.sampleRate).toFixed(2);
    const [start, stop] = found.span;
    const of = found.startS === undefined ? ` of ${seconds(found.waveform.length)} s` : ""; // a stream has no length
    const parts = [
      letters && `Letters: ${letters}`,
      phones && `sounds: /${phones}/`,
      `recognised from ${seconds(start)} to ${seconds(stop)} s${of}, the rest is cut off`,
    ];
    const { rejection } = this.recognizer;
    if (outOfList !== null) {
      const isWithin = accepted && !rejection.accepts(outOfList); // a name that a spotter confirmed
      const least = percent(rejection.threshold);
      const why = isWithin ? `over the ${least} for a name alone, but in a sentence its sounds decide` : `accepted below ${least}`;
      parts.push(`out of list: ${percent(outOfList)}, ${why}`);
    }
    tell("details", `${parts.filter(Boolean).join("; ")}.`);
    byId("faults").replaceChildren(...found.faults.map((fault) => element("li", { textContent: fault })));
    byId("ranking").replaceChildren(...names.slice(0, N_SHOWN).map(bar));
  }

  /** A sentence: the name, or why none is accepted. */
  verdict({ transcript: { names, outOfList, accepted, unsure, letters } }) {
    const [best] = names;
    if (!best) return letters ? `Letters: ${letters}. The list is empty.` : "The list is empty.";
    if (accepted !== false) return `${best.text}, ${percent(best.probability)}`;
    if (unsure) return `Not sure: say it again. The nearest is ${best.text}.`;
    return `Not in the list: another word with ${percent(outOfList)} probability. The nearest is ${best.text}.`;
  }

  #picture({ waveform, span, transcript }) {
    const canvas = byId("spectrogram");
    const spans = transcript.spans.map((one) => ({ ...one, letter: LETTER[one.letter] ?? one.letter }));
    draw(canvas, waveform, this.recognizer.sampleRate, span, spans);
    canvas.setAttribute("aria-label", `Spectrogram with the letters ${transcript.letters || "(none)"}`);
  }
}

function bar({ text, probability }) {
  const meter = element("meter", { min: 0, max: 1, value: probability });
  meter.setAttribute("aria-label", `probability of ${text}`);
  const number = element("span", { className: "number", textContent: percent(probability) });
  return element("li", {}, element("span", { textContent: text }), meter, number);
}
