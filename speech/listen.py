"""``python -m speech.listen``: live transcripts from a microphone, a file or standard input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speech.config import command

if TYPE_CHECKING:
    from speech.config.tree import Config


def _listen(config: Config) -> None:
    from speech.audio.streams import open_source
    from speech.common.runs import find_recognizer
    from speech.inference.commands import print_events
    from speech.model.loading import load

    path = find_recognizer(config.recognizer, config.runs_dir, "recognizer")
    transcriber = load(path, config.get("decoder"), config.false_accept_rate, config.enrolled)
    source = open_source(config.source, config.device, config.rate, config.channels, config.dtype)
    print_events(transcriber, source, config.names, config.json, config.false_alarms_per_hour)


def main() -> None:
    command.run("listen", _listen)


if __name__ == "__main__":
    main()
