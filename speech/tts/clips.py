"""Clips of names said by synthetic voices, with a manifest."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from speech.tts.voice import Voice

MANIFEST = "manifest.csv"


COLUMNS = ["path", "text", "speaker", "accent", "made"]  # the last: a digest of all that shapes the sound


Row = dict[str, str]


def synthesize(config: DictConfig) -> int:
    """Write a clip of each of ``names`` by each of ``n_voices`` drawn voices into ``output``, and its manifest.

    A clip that was made by the same engine, of the same text, seed and rate is kept: what was interrupted goes on, and
    what was respelt is said anew. How each is said comes from ``seed`` and what it is. Returns the number of clips.
    Raises ValueError for names that cannot be written or said, and for an accent that is not there.
    """
    import numpy as np
    from hydra.utils import instantiate
    from tqdm import tqdm

    from speech.audio import files
    from speech.text.alphabet import Alphabet
    from speech.text.confusable import warn_homophones
    from speech.text.espeak import PronunciationError
    from speech.text.names import distinct, read_names
    from speech.tts.mix import draw_voices
    from speech.tts.voice import VoiceError, require_sound

    engine = instantiate(config.voices)
    names = distinct(read_names(config.names), Alphabet(config.alphabet))
    warn_homophones(names)
    voices = [voice for voice in engine.voices() if config.accent in (None, voice.accent)]
    if not voices:
        accents = ", ".join(sorted({voice.accent for voice in engine.voices()}))
        raise ValueError(f"accent={config.accent}: no such accent; there are {accents}")
    chosen = draw_voices(engine, voices, config.n_voices, np.random.default_rng(config.seed))
    clips, identity = [], engine.identity
    for voice in chosen:
        for name in names:
            shaping = [identity, voice.speaker, name, name.say, config.seed, config.sample_rate]
            made = hashlib.sha256(json.dumps(shaping).encode()).hexdigest()[:16]
            values = (f"{name}/{_file_name(voice)}", str(name), voice.speaker, voice.accent, made)
            clips.append((voice, name, dict(zip(COLUMNS, values, strict=True))))
    output = Path(config.output)
    manifest = output / MANIFEST
    there = _read(manifest)
    missing = [(voice, name, row) for voice, name, row in clips if there.get(row["path"]) != row]
    for _, _, row in missing:
        there.pop(row["path"], None)
    output.mkdir(parents=True, exist_ok=True)
    _write(manifest, there.values())
    with manifest.open("a", encoding="utf-8", newline="") as file:
        listed = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        for voice, name, row in tqdm(missing, unit=" clips", disable=None):
            path = output / row["path"]
            path.parent.mkdir(exist_ok=True)
            rng = np.random.default_rng([config.seed, zlib.crc32(f"{name} {voice.speaker}".encode())])
            way = name.say[rng.integers(len(name.say))] if name.say else str(name)
            try:
                samples, rate = engine.speak(way, voice, rng)
                require_sound(samples, voice, way)
            except (PronunciationError, VoiceError) as error:
                raise ValueError(f"{name}: {error}") from error
            files.write(path, files.to_waveform(samples, rate, config.sample_rate, where=str(name)), config.sample_rate)
            listed.writerow(row)  # after its clip: what the manifest lists is whole
            file.flush()
    print(f"{len(clips)} clips in {output.resolve()}")
    return len(clips)


def _file_name(voice: Voice) -> str:
    """Up to the underscore is the speaker, for ``corpus=folder``: without underscores and colons of its own."""
    return f"{re.sub('[^A-Za-z0-9.+-]', '-', voice.speaker)}_0.wav"


def _read(manifest: Path) -> dict[str, Row]:
    """The rows of an earlier run, by path, whose clips are still there. Raises ValueError for another's manifest."""
    if not manifest.is_file():
        return {}
    try:
        with manifest.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            rows, header = list(reader), reader.fieldnames
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{manifest}: not readable as CSV ({error}): give another output") from error
    if header != COLUMNS:
        raise ValueError(
            f"{manifest}: its columns are not {','.join(COLUMNS)}: it is not of this program, give another output"
        )
    whole = [row for row in rows if None not in row.values()]  # the last may be cut short
    return {row["path"]: row for row in whole if (manifest.parent / row["path"]).is_file()}


def _write(manifest: Path, rows: Iterable[Row]) -> None:
    part = manifest.with_name(f".{MANIFEST}.part")
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    part.replace(manifest)
