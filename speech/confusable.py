"""``python -m speech.confusable 'names=[Anna,Bob]'``: finds the easily confused names of a list, before training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speech.config import command

if TYPE_CHECKING:
    from speech.config.tree import Config


def confusable(config: Config) -> None:
    from speech.common.counting import counted
    from speech.common.escape import printable
    from speech.common.runs import find_if_any
    from speech.inference.confusion import confusable_pairs, json_lines, table
    from speech.model.loading import load
    from speech.text.alphabet import Alphabet
    from speech.text.names import writable_names
    from speech.training.unseen_voices import spoken, unseen_voices

    names = writable_names(config.names, Alphabet(config.alphabet))
    path, note = find_if_any(config.recognizer, config.runs_dir)
    if path is None:
        pairs, note = confusable_pairs(names), f"no confusion by a recogniser: {note}"
    else:
        recognizer, (voices, whose) = load(path), unseen_voices(path, config.n_voices, config.seed)
        clips = spoken(names, voices, recognizer.sample_rate, config.seed)
        pairs = confusable_pairs(names, recognizer, clips)
        note = f"confusion by {path}, {counted(len(voices), 'voice')} {whose}"
    print(json_lines(pairs[: config.n_pairs]) if config.json else f"{table(pairs, config.n_pairs)}; {printable(note)}")


def main() -> None:
    command.run("confusable", confusable)


if __name__ == "__main__":
    main()
