// A list of names as people write it, with the pronunciations that it gives for them. speech/text/names.py.
//
// One name per line; a line `Siobhan = shivawn, /ʃɪˈvɔːn/` gives its pronunciations, as respellings or as IPA
// between slashes; the text after a # is a comment.

import { TextError, plainLetters } from "./alphabet.js";

const LONGEST = 200; // letters of a name: to pronounce one with thousands takes minutes
const SEPARATORS = /[;\t]/; // besides the ends of lines: a spreadsheet separates its columns by tabs

const QUOTED = /^['‘‛`´].*['’`´]$/; // with marks that would count as apostrophes, which are letters
const MARK = /^([-*+•–—]|\d+[.)])\s/; // of a list item

/** The parts of a line: its names, and the comment after them. */
export function partsOf(line) {
  const found = /(^|\s)#.*/.exec(line);
  const at = found ? found.index : line.length;
  return { entries: line.slice(0, at).split(SEPARATORS), comment: line.slice(at).trim() };
}

export const isIpa = (text) => text.length > 2 && text.startsWith("/") && text.endsWith("/");

/** `name` (`{text, say}`) in the letters of `alphabet`: as written or, in another script, by its first respelling. */
export function spelling({ text, say }, alphabet) {
  try {
    return alphabet.fold(text);
  } catch (error) {
    const respelt = say.find((way) => !isIpa(way));
    if (respelt === undefined && say.length)
      throw new TextError(
        `${error.message} beside its IPA, since names are ranked by letters too: ${text} = RESPELLING, ${say.join(", ")}`,
      );
    if (respelt === undefined) throw error;
    return alphabet.fold(respelt);
  }
}

/** The key that distinguishes a name from others: its `spelling` or, if it has none, its plain characters. */
export function nameKey(name, alphabet) {
  try {
    return spelling(name, alphabet);
  } catch (error) {
    if (!(error instanceof TextError)) throw error;
    return plainLetters(name.text);
  }
}

/**
 * The names of `text`, `{text, say}` each, and the refused lines, `{line, reason}`, among them repeated names.
 * `labels` are the keys of the names that need no letters, because they have recordings.
 */
export function readNames(text, alphabet, labels = new Set()) {
  const names = [];
  const refused = [];
  const seen = new Map();
  for (const line of text.replace(/^\ufeff/, "").split(/\r?\n/).flatMap((one) => partsOf(one).entries)) {
    const [written, ...rest] = line.split("=");
    // A pasted list may have commas too; after a = they separate pronunciations.
    for (const one of rest.length ? [written] : line.split(",")) {
      const name = one.trim();
      if (!name && !rest.length) continue;
      const say = rest.join("=").split(",").map((way) => way.trim()).filter(Boolean);
      try {
        if (!name || (rest.length && !say.length)) throw new TextError(`“${line.trim()}” lacks its text or a pronunciation: Siobhan = shivawn`);
        const mark = MARK.exec(name);
        if (mark) throw new TextError(`“${name}” begins with “${mark[1]}”: give the name alone`);
        if (QUOTED.test(name)) throw new TextError(`“${name}” is in quotes: give the name without them`);
        if (name.length > LONGEST)
          throw new TextError(`“${name.slice(0, 20)}…” has ${name.length} letters, and a name has at most ${LONGEST}`);
        const key = nameKey({ text: name, say }, alphabet);
        const folded = labels.has(key) ? key : spelling({ text: name, say }, alphabet);
        if (seen.has(folded)) throw new TextError(`“${seen.get(folded)}” and “${name}” are one name: leave one out`);
        for (const way of say) if (!isIpa(way)) alphabet.fold(way);
        seen.set(folded, name);
        names.push({ text: name, say });
      } catch (error) {
        if (!(error instanceof TextError)) throw error;
        refused.push({ line: name, reason: error.message });
      }
    }
  }
  return { names, refused };
}
