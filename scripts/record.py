"""``python scripts/record.py DIR names... --speaker ann``: record names at a microphone, for ``experiment=enrol``.

Asks for each name ``--takes`` times, shows the level, keeps the end-pointed name, and asks again where a recording is
of low quality, with the reason. Writes ``DIR/<name>/<speaker>_<n>.wav`` and overwrites nothing: what is there is
counted, so that the same command goes on where it was stopped. ``names`` are names, or a text file with one a line.
``--devices`` lists the microphones. Needs sounddevice: ``pip install -e '.[record]'``.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from speech.audio import files
from speech.audio.files import Waveform
from speech.audio.quality import CLIPPED, examine, level
from speech.common.extras import require
from speech.config.command import explained
from speech.text.alphabet import Alphabet
from speech.text.names import read_names

BLOCK_S = 0.05  # between two looks at the level
COUNT_S = 0.5  # between two numbers of the countdown
METER = 40  # characters, one a decibel and a half
FLOOR_DBFS = -60.0


class MicrophoneError(OSError):
    """There is nothing to record with; the message says what would help."""


class Stream(Protocol):
    """Sound as it comes in: a microphone, or in a test a file."""

    sample_rate: int

    def read(self, n_samples: int) -> Waveform:
        """The next ``n_samples``, as soon as they are there."""
        ...


Opened = AbstractContextManager[Stream]


class Microphone:
    """A sound device through PortAudio, at its own rate; of several channels the first."""

    def __init__(self, stream: Any) -> None:
        self._stream, self.sample_rate = stream, round(stream.samplerate)

    def read(self, n_samples: int) -> Waveform:
        block, _ = self._stream.read(n_samples)
        return np.ascontiguousarray(block[:, 0], dtype=np.float32)


def _sounddevice() -> Any:
    try:
        return require("sounddevice", "record")
    except OSError as error:  # the package is there, the library that it loads is not
        raise MicrophoneError(f"{error}: install PortAudio (Debian: apt install libportaudio2)") from error


def microphones() -> list[str]:
    """The input devices, a line each, with the number that ``--device`` takes. Raises MicrophoneError for none."""
    devices = [device for device in _sounddevice().query_devices() if device["max_input_channels"] > 0]
    if not devices:
        raise MicrophoneError(
            "no microphone was found: plug one in, or record with a telephone and put the files into "
            "DIR/<name>/<speaker>_<n>.wav"
        )
    return [f"{one['index']:>3}  {one['name']} ({one['default_samplerate']:.0f} Hz)" for one in devices]


@contextmanager
def microphone(device: int | None) -> Iterator[Stream]:
    """Microphone number ``device``, or the system's choice, for as long as the block lasts."""
    listed = "; ".join(" ".join(line.split()) for line in microphones())
    which = "the system's microphone" if device is None else f"microphone {device}"
    sounddevice = _sounddevice()
    try:
        stream = sounddevice.InputStream(device=device, channels=1, dtype="float32")
    except (sounddevice.PortAudioError, ValueError) as error:
        raise MicrophoneError(f"{which} does not open ({error}): choose --device of: {listed}") from error
    try:  # it may open and not start, and it may be unplugged while it records
        with stream:
            yield Microphone(stream)
    except sounddevice.PortAudioError as error:
        raise MicrophoneError(
            f"{which} gives no sound ({error}): plug it in again, or choose --device of: {listed}; what was recorded "
            "is kept, and the same command goes on from there"
        ) from error


def meter(block: Waveform) -> str:
    """The level of ``block`` as a bar, and its peak's warning."""
    loud = level(block)
    filled = round(METER * min(1.0, max(0.0, 1 - loud / FLOOR_DBFS)))
    warning = "  too loud" if np.abs(block).max(initial=0.0) >= CLIPPED else ""
    return f"[{'#' * filled:<{METER}}] {max(loud, FLOOR_DBFS):4.0f} dBFS{warning:<10}"


def capture(stream: Stream, seconds: float, show: Callable[[str], object], what: str) -> Waveform:
    """``seconds`` of ``stream``; ``show`` gets the level block by block."""
    n_block = round(BLOCK_S * stream.sample_rate)
    blocks = []
    for _ in range(round(seconds / BLOCK_S)):
        blocks.append(stream.read(n_block))
        show(f"\r  {what:<6} {meter(blocks[-1])}")
    return np.concatenate(blocks)


def take(opened: Opened, seconds: float, show: Callable[[str], object]) -> tuple[Waveform, int]:
    """One recording and its rate: a countdown, and then ``seconds`` in which the name is spoken."""
    with opened as stream:
        for count in ("3", "2", "1"):
            capture(stream, COUNT_S, show, count)
        waveform = capture(stream, seconds, show, "SPEAK")
        show("\r" + " " * 75 + "\r")
        return waveform, stream.sample_rate


def record(
    root: Path,
    names: Sequence[str],
    speaker: str,
    n_takes: int,
    open_stream: Callable[[], Opened],
    seconds: float = 2.5,
    ask: Callable[[str], str] = input,
    show: Callable[[str], object] = lambda text: print(text, end="", flush=True),
) -> int:
    """Record until each of ``names`` has ``n_takes`` usable recordings by ``speaker``; returns how many were written.

    ``ask`` shows a prompt and returns the answer: nothing to record, ``s`` to leave this name out, ``q`` to end.
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
            waveform, rate = take(open_stream(), seconds, show)
            found = examine(waveform, rate)
            if found.faults:
                show("".join(f"  {fault}\n" for fault in found.faults) + "  once more\n")
                continue
            path = _free(folder, speaker)
            files.write(path, found.waveform, rate)
            n_written += 1
            show(f"  good: {found.speech_s:.2f} s, {found.level_dbfs:.0f} dBFS, {found.snr_db:.0f} dB over the room\n")
    return n_written


def _free(folder: Path, speaker: str) -> Path:
    """The file with the first number that is not taken."""
    n = 0
    while (path := folder / f"{speaker}_{n}.wav").exists():
        n += 1
    return path


def check_speaker(speaker: str) -> str:
    """``speaker`` as it can stand in a file's name, before the underscore. Raises ValueError."""
    if not re.fullmatch(r"[^\W_]+(-[^\W_]+)*", speaker):
        raise ValueError(f"--speaker {speaker!r}: letters, digits and hyphens, since a file is <speaker>_<n>.wav")
    return speaker


def _main(given: argparse.Namespace) -> None:
    if given.devices:
        print("\n".join(microphones()))
        return
    if given.root is None or not given.names or given.speaker is None:
        raise ValueError(
            "give a folder, names (or a text file of them) and --speaker: record.py DIR Anna Bob --speaker ann"
        )
    is_file = len(given.names) == 1 and Path(given.names[0]).expanduser().is_file()
    names = read_names(given.names[0] if is_file else given.names, Alphabet())
    speaker = check_speaker(given.speaker)
    with microphone(given.device):  # that it opens is known before the first prompt
        pass
    n_written = record(given.root, names, speaker, given.takes, lambda: microphone(given.device), given.seconds)
    print(f"{n_written} recordings written to {given.root}")
    print(f"python -m speech.train experiment=enrol corpus.root={given.root}")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("root", nargs="?", type=Path, metavar="DIR", help="the folder that holds one for each name")
    parser.add_argument("names", nargs="*", help="names, or one text file with a name a line")
    parser.add_argument("--speaker", help="who speaks: letters, digits, hyphens")
    parser.add_argument(
        "--takes", type=int, default=6, help="recordings of each name (6: five to train on, one to test)"
    )
    parser.add_argument("--seconds", type=float, default=2.5, help="length of a recording")
    parser.add_argument("--device", type=int, help="the microphone's number, as --devices lists them")
    parser.add_argument("--devices", action="store_true", help="list the microphones and end")
    given = parser.parse_args(arguments)
    try:
        explained(lambda: _main(given))
    except EOFError:  # no more answers: ends as q does
        sys.exit(130)


if __name__ == "__main__":
    main()
