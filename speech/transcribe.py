"""``python -m speech.transcribe clips=PLACE``: transcripts of recordings, a line a clip or as JSON."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from speech.config import command

if TYPE_CHECKING:
    from speech.config.tree import Config


def transcribe(config: Config) -> None:
    from speech.audio.files import find_clips
    from speech.common import escape, runs
    from speech.inference import batch
    from speech.model.loading import load
    from speech.text.confusable import warn_homophones
    from speech.text.names import read_names

    path = runs.find_recognizer(config.recognizer, config.runs_dir, "recognizer")
    transcriber = load(path, config.get("decoder"), config.false_accept_rate, config.enrolled)
    names = None if config.names is None else read_names(config.names, transcriber.alphabet)
    warn_homophones(names or [])
    clips, n_done, last = find_clips(config.clips), 0, sys.stderr if config.json else None
    for result in batch.transcribe(transcriber, clips, names):
        print(result.to_json() if config.json else result.to_text(), flush=True)
        n_done += result.transcript is not None
    if not n_done:
        raise ValueError(f"none of {len(clips)} clips could be transcribed")
    print(f"{n_done} of {len(clips)} clips transcribed by {escape.printable(path)}", file=last)


def main() -> None:
    command.run("transcribe", transcribe)


if __name__ == "__main__":
    main()
