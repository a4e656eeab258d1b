"""``python scripts/record.py DIR names... --speaker ann``: record names at a microphone, for ``experiment=enrol``.

Asks for each name ``--takes`` times, shows the level, keeps the end-pointed name, and asks again, with the reason, if a
recording is of low quality. Writes ``DIR/<name>/<speaker>_<n>.wav`` and overwrites nothing: existing recordings are
counted, so that the same command continues where it was stopped. ``names`` are names, or a text file with one per line.
Needs sounddevice: ``pip install -e '.[record]'``; ``python -m sounddevice`` lists the microphones.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from speech.audio import files
from speech.audio.files import Waveform
from speech.audio.quality import CLIPPED, examine, level
from speech.audio.streams import Block, Fault, Microphone
from speech.config.command import explained
from speech.text.alphabet import Alphabet
from speech.text.names import read_names

COUNT_S = 0.5  # between two numbers of the countdown
METER = 40  # characters, each 1.5 dB
FLOOR_DBFS = -60.0


def meter(block: Waveform) -> str:
    """The level of ``block`` as a bar, with a warning if its peak clips."""
    loud = level(block)
    filled = round(METER * min(1.0, max(0.0, 1 - loud / FLOOR_DBFS)))
    warning = "  too loud" if np.abs(block).max(initial=0.0) >= CLIPPED else ""
    return f"[{'#' * filled:<{METER}}] {max(loud, FLOOR_DBFS):4.0f} dBFS{warning:<10}"


def capture(blocks: Iterator[Block], n_samples: int, show: Callable[[str], object], what: str) -> Waveform:
    """The next ``n_samples`` or a little more; ``show`` gets ``what`` and the level of each block, and any fault."""
    taken, n_taken = [], 0
    while n_taken < n_samples:
        block = next(blocks)
        if isinstance(block, Fault):
            show(f"\n  {block.to_text()}\n")
            continue
        taken.append(block)
        n_taken += len(block)
        show(f"\r  {what:<6} {meter(block)}")
    return np.concatenate(taken)


def take(microphone: Microphone, seconds: float, show: Callable[[str], object]) -> tuple[Waveform, int]:
    """Record after a countdown, for ``seconds`` in which the name is spoken; returns the recording and its rate."""
    rate = microphone.format.rate
    blocks: Any = microphone.blocks(rate)
    with closing(blocks):  # this also closes the device
        for count in ("3", "2", "1"):
            capture(blocks, round(COUNT_S * rate), show, count)
        waveform = capture(blocks, round(seconds * rate), show, "SPEAK")
    show("\r" + " " * 75 + "\r")
    return waveform, rate


def record(
    root: Path,
    names: Sequence[str],
    speaker: str,
    n_takes: int,
    microphone: Microphone,
    seconds: float = 2.5,
    ask: Callable[[str], str] = input,
    show: Callable[[str], object] = lambda text: print(text, end="", flush=True),
) -> int:
    """Record until each of ``names`` has ``n_takes`` usable recordings by ``speaker``; returns how many were written.

    ``ask`` shows a prompt and returns the answer: empty to record, ``s`` to skip this name, ``q`` to quit.
    """
    n_written = 0
    for name in names:
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        while (n_there := len(list(folder.glob(f"{speaker}_*.wav")))) < n_takes:
            answer = ask(f"{name}, {n_there + 1} of {n_takes}: Enter to record (s: leave it out, q: end) ").strip()
            if answer == "q":
                return n_written
            if answer == "s":
                break
            waveform, rate = take(microphone, seconds, show)
            found = examine(waveform, rate)
            if found.faults:
                show("".join(f"  {fault}\n" for fault in found.faults) + "  once more\n")
                continue
            path = _free(folder, speaker)
            files.write(path, found.waveform, rate)
            n_written += 1
            show(f"  good: {found.speech_s:.2f} s, {found.level_dbfs:.0f} dBFS, {found.snr_db:.0f} dB SNR\n")
    return n_written


def _free(folder: Path, speaker: str) -> Path:
    """The file name with the first free number."""
    n = 0
    while (path := folder / f"{speaker}_{n}.wav").exists():
        n += 1
    return path


def check_speaker(speaker: str) -> str:
    """``speaker`` if it can be used in a file's name, before the underscore. Raises ValueError otherwise."""
    if not re.fullmatch(r"[^\W_]+(-[^\W_]+)*", speaker):
        raise ValueError(f"--speaker {speaker!r}: letters, digits and hyphens, since a file is <speaker>_<n>.wav")
    return speaker


def _main(given: argparse.Namespace) -> None:
    is_file = len(given.names) == 1 and Path(given.names[0]).expanduser().is_file()
    names = read_names(given.names[0] if is_file else given.names, Alphabet())
    speaker = check_speaker(given.speaker)
    microphone = Microphone(given.device)  # fails before the first prompt if there is none
    n_written = record(given.root, names, speaker, given.takes, microphone, given.seconds)
    print(f"{n_written} recordings written to {given.root}")
    print(f"python -m speech.train experiment=enrol corpus.root={given.root}")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("root", type=Path, metavar="DIR", help="the folder for recordings, with one folder per name")
    parser.add_argument("names", nargs="+", help="names, or a text file with one name per line")
    parser.add_argument("--speaker", required=True, help="who speaks: letters, digits, hyphens")
    parser.add_argument(
        "--takes", type=int, default=6, help="recordings of each name (6: five to train on, one to test)"
    )
    parser.add_argument("--seconds", type=float, default=2.5, help="length of a recording")
    parser.add_argument("--device", type=int, help="the microphone's number, as python -m sounddevice lists them")
    given = parser.parse_args(arguments)
    try:
        explained(lambda: _main(given))
    except EOFError:  # end of input: like q
        sys.exit(130)


if __name__ == "__main__":
    main()
