// The list of names: their pronunciations, which of these are used, and their recordings.

import { TextError } from "./alphabet.js";
import { byId, element, percent, tell } from "./element.js";
import { read, write } from "./enrolment.js";
import { keep, kept } from "./kept.js";
import { nameKey, partsOf, readNames } from "./names.js";

const N_AT_ONCE = 32; // names that are pronounced before the page is drawn again
const N_SHOWN = 100; // rows; thousands would make each key press slow
const RARE = 0.01; // a pronunciation of less probability is in a closed list

export class NameList {
  /** `record(name)` is called when a recording of a name is asked for. */
  constructor({ recognizer, example, loadReaders }, record) {
    Object.assign(this, { recognizer, loadReaders, record });
    this.known = new Map(); // by name and its own pronunciations, all pronunciations
    if (recognizer.inventory) for (const name of example) this.known.set(keyOf(name), name.pronunciations);
    this.off = new Map(); // by the same, the pronunciations that were switched off
    this.enrolled = this.#keptRecordings(); // by name
    this.entries = new Map(); // by name, the entry that is recognised
    this.names = [];
    this.controls = []; // those of the rows that can have the focus when these are drawn again
    this.turn = 0;
    byId("names").value = kept("names") ?? (recognizer.names.join("\n") || example.map(lineOf).join("\n"));
    byId("names").addEventListener("input", () => this.update());
  }

  /** Read the list, and find the pronunciations of new names; a list that is edited meanwhile takes over. */
  async update() {
    const turn = ++this.turn;
    keep("names", byId("names").value);
    const { names, refused } = readNames(byId("names").value, this.recognizer.alphabet, this.#labels());
    const wrong = [...refused];
    const ready = [];
    for (let i = 0; i < names.length; i += N_AT_ONCE) {
      const some = names.slice(i, i + N_AT_ONCE);
      const unknown = some.filter((name) => !this.isLabel(name) && !this.known.has(keyOf(name)));
      if (unknown.length) {
        if (names.length > N_AT_ONCE) tell("pronouncing", `Pronouncing ${i} of ${names.length} names …`);
        await new Promise((resolve) => setTimeout(resolve)); // the page is drawn, key presses are handled
        if (turn !== this.turn) return;
        await this.#pronounce(unknown, wrong);
        if (turn !== this.turn) return;
      }
      ready.push(...some.filter((name) => this.isLabel(name) || this.known.has(keyOf(name))));
    }
    this.names = ready;
    byId("refused").replaceChildren(...wrong.map(({ reason }) => element("li", { textContent: reason })));
    this.#makeEntries();
    this.#draw();
  }

  async #pronounce(names, wrong) {
    try {
      const found = await this.recognizer.pronounce(names, this.loadReaders);
      names.forEach((name, i) => this.known.set(keyOf(name), found[i]));
    } catch (error) {
      if (!(error instanceof TextError)) throw error;
      if (names.length === 1) wrong.push({ line: names[0].text, reason: error.message });
      else for (const name of names) await this.#pronounce([name], wrong);
    }
  }

  #keptRecordings() {
    const { alphabet, inventory } = this.recognizer;
    const text = kept("enrolled");
    try {
      return text === null ? new Map() : read(text, "The names recorded before", alphabet, inventory);
    } catch (error) {
      if (!(error instanceof TextError)) throw error;
      tell("enrolment", error.message); // they are of another recogniser, at the same address
      return new Map();
    }
  }

  /** The key that distinguishes `text` from other names. */
  #key(text) {
    return nameKey({ text, say: [] }, this.recognizer.alphabet);
  }

  /** The keys of the enrolled names whose letters say nothing about their sound: only recordings show it. */
  #labels() {
    return new Set([...this.enrolled].filter(([, { spelled }]) => !spelled).map(([text]) => this.#key(text)));
  }

  isLabel(name) {
    return this.#labels().has(nameKey(name, this.recognizer.alphabet));
  }

  /** The pronunciations of `name` that are switched on, with their probabilities normalised. */
  #counted(name) {
    if (this.isLabel(name)) return [];
    const off = this.off.get(keyOf(name)) ?? new Set();
    const on = this.known.get(keyOf(name)).filter(({ phones }) => !off.has(phones.join(" ")));
    const total = on.reduce((sum, { probability }) => sum + probability, 0);
    return on.map(({ phones, probability }) => ({ phones, probability: probability / total }));
  }

  entryOf(name, enrolled) {
    return this.recognizer.entry(name, this.#counted(name), enrolled);
  }

  #makeEntries() {
    const enrolled = new Map([...this.enrolled].map(([text, one]) => [this.#key(text), one]));
    this.recorded = (name) => enrolled.get(nameKey(name, this.recognizer.alphabet));
    this.entries = new Map(this.names.map((name) => [name.text, this.entryOf(name, this.recorded(name))]));
  }

  /** The label of `name`'s recordings: its text or, for a name in another script that is not a label, its spelling. */
  labelOf(name) {
    const written = nameKey(name, this.recognizer.alphabet);
    return this.isLabel(name) || written === this.#key(name.text) ? name.text : written;
  }

  /** Add `enrolled`, a Map by name, to the list and to the names enrolled already. */
  async enrol(enrolled) {
    const taken = new Set([...enrolled.keys()].map((text) => this.#key(text)));
    const others = [...this.enrolled].filter(([text]) => !taken.has(this.#key(text)));
    this.enrolled = new Map([...others, ...enrolled]);
    keep("enrolled", write(this.enrolled, this.recognizer.alphabet, this.recognizer.inventory));
    const { names } = readNames(byId("names").value, this.recognizer.alphabet, this.#labels());
    const listed = new Set(names.map((name) => nameKey(name, this.recognizer.alphabet)));
    const missing = [...enrolled.keys()].filter((text) => !listed.has(this.#key(text)));
    if (missing.length) byId("names").value = [byId("names").value.trimEnd(), ...missing].join("\n");
    await this.update();
  }

  /** Write `pronunciation`, if there is any, after the name in its line. */
  #correct(name, pronunciation) {
    const corrected = (entry) =>
      entry.split("=")[0].trim() === name.text ? lineOf({ text: name.text, say: [pronunciation.trim()].filter(Boolean) }) : entry.trim();
    const lines = byId("names").value.split("\n").flatMap((line) => {
      const { entries, comment } = partsOf(line);
      const each = entries.flatMap((one) => (one.includes("=") ? [one] : one.split(","))).map(corrected);
      return comment ? [...each.slice(0, -1), `${each.at(-1)} ${comment}`.trim()] : each;
    });
    byId("names").value = lines.join("\n");
    return this.update();
  }

  #draw() {
    const focused = this.controls.indexOf(document.activeElement);
    this.controls = [];
    byId("list").replaceChildren(...this.names.slice(0, N_SHOWN).map((name) => this.#row(name)));
    this.controls[focused]?.focus({ preventScroll: true });
    const notes = this.#alike().map((some) => `${some.join(" and ")} sound alike: only their spelling distinguishes them.`);
    if (this.names.length > N_SHOWN) notes.unshift(`${this.names.length} names, the first ${N_SHOWN} are shown.`);
    tell("pronouncing", notes.slice(0, 3).join(" "));
    byId("save").disabled = !this.enrolled.size;
  }

  /** Groups of names with the same likeliest pronunciation. */
  #alike() {
    const groups = new Map();
    for (const name of this.names) {
      const phones = this.#counted(name)[0]?.phones.join(" ");
      if (phones) groups.set(phones, [...(groups.get(phones) ?? []), name.text]);
    }
    return [...groups.values()].filter((some) => some.length > 1);
  }

  #row(name) {
    const key = keyOf(name);
    const off = this.off.get(key) ?? new Set();
    const known = this.isLabel(name) ? [] : this.known.get(key);
    const choices = known.map(({ phones, probability }) => {
      const id = phones.join(" ");
      const box = element("input", { type: "checkbox", checked: !off.has(id) });
      const text = element("span", { textContent: `/${phones.join("")}/ ${percent(probability)}` });
      text.classList.toggle("off", off.has(id));
      box.addEventListener("change", () => {
        if (box.checked) off.delete(id);
        else off.add(id);
        this.off.set(key, off);
        if (!this.#counted(name).length) {
          off.delete(id);
          box.checked = true;
          tell("pronouncing", `${name.text} needs a pronunciation: write another one before you switch off the last.`);
          return;
        }
        text.classList.toggle("off", !box.checked);
        this.#makeEntries();
      });
      return element("label", {}, box, text);
    });
    const nUsual = known.filter(({ probability }) => probability >= RARE).length;
    const rare = element("details", {}, element("summary", { textContent: `${choices.length - nUsual} rarer` }));
    rare.append(element("div", { className: "pronunciations" }, ...choices.splice(nUsual)));
    const input = element("input", { type: "text", value: name.say.join(", "), placeholder: "shivawn, /ʃɪvɔn/" });
    input.setAttribute("aria-label", `pronunciation of ${name.text}`);
    input.addEventListener("change", () => this.#correct(name, input.value));
    const n = this.recorded(name)?.nRecordings ?? 0;
    const record = element("button", { type: "button", textContent: n ? `Record again (${n} recorded)` : "Record" });
    record.setAttribute("aria-label", `Record ${name.text}${n ? `, ${n} recorded` : ""}`);
    record.addEventListener("click", () => this.record(name));
    this.controls.push(input, record);
    return element(
      "li",
      {},
      element("span", { className: "name", textContent: name.text }),
      element("div", { className: "pronunciations" }, ...choices, ...(nUsual < known.length ? [rare] : [])),
      element("div", { className: "bar" }, element("label", { className: "correction" }, "pronounced as", input), record),
    );
  }
}

const lineOf = ({ text, say }) => (say.length ? `${text} = ${say.join(", ")}` : text);

const keyOf = (name) => [name.text, ...name.say].join("\n");
