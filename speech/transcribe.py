"""``python -m speech.transcribe clips=PLACE``: transcripts of recordings, one line per clip or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speech.config import command

if TYPE_CHECKING:
    from speech.config.tree import Config


def transcribe(config: Config) -> None:
    from speech.common.runs import find_recognizer
    from speech.inference.commands import print_transcripts
    from speech.model.loading import load

    path = find_recognizer(config.recognizer, config.runs_dir, "recognizer")
    transcriber = load(path, config.get("decoder"), config.false_accept_rate, config.enrolled)
    print_transcripts(transcriber, path, config.clips, config.names, config.json)


def main() -> None:
    command.run("transcribe", transcribe)


if __name__ == "__main__":
    main()
