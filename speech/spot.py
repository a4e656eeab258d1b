"""``python -m speech.spot clips=PLACE``: finds names, and their times, in recordings of any length."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speech.config import command

if TYPE_CHECKING:
    from speech.config.tree import Config


def _spot(config: Config) -> None:
    from speech.common.runs import find_recognizer
    from speech.inference.commands import print_spotted
    from speech.model.loading import load

    path = find_recognizer(config.recognizer, config.runs_dir, "recognizer")
    transcriber = load(path, config.get("decoder"), config.false_accept_rate, config.enrolled)
    print_spotted(transcriber, config.clips, config.names, config.json, config.false_alarms_per_hour)


def main() -> None:
    command.run("spot", _spot)


if __name__ == "__main__":
    main()
