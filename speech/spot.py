"""``python -m speech.spot clips=PLACE``: the names in recordings of any length, with their times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speech.config import command

if TYPE_CHECKING:
    from speech.config.tree import Config


def _spot(config: Config) -> None:
    from speech.audio.files import find_clips
    from speech.common.runs import find_recognizer
    from speech.inference.commands import chosen
    from speech.inference.listening import spot
    from speech.model.loading import load

    path = find_recognizer(config.recognizer, config.runs_dir, "recognizer")
    transcriber = load(path, config.get("decoder"), config.false_accept_rate, config.enrolled)
    lexicon = transcriber.lexicon(chosen(config.names, transcriber))
    for found in spot(transcriber, find_clips(config.clips), lexicon, config.false_alarms_per_hour):
        print(found.to_json() if config.json else found.to_text(), flush=True)


def main() -> None:
    command.run("spot", _spot)


if __name__ == "__main__":
    main()
