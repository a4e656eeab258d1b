"""A folder of clips of names in synthetic voices, with a manifest.

OUTPUT/manifest.csv            path, text, speaker, accent of each clip, and a digest of all that affects its sound
       <name>/<voice>_0.wav    the clips
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from speech.audio import files, limits
from speech.common import storage
from speech.text import espeak
from speech.text.mnemonics import PronunciationError
from speech.text.names import Name, spoken_texts
from speech.text.spelt_out import warn_spelt_out
from speech.tts.voice import Engine, Voice, VoiceError

MANIFEST = "manifest.csv"
COLUMNS = ["path", "text", "speaker", "accent", "digest"]

Row = dict[str, str]


def write_clips(
    names: Sequence[Name], voices: Sequence[Voice], engine: Engine, output: Path, sample_rate: int, seed: int
) -> int:
    """Write a clip of each of ``names`` in each of ``engine``'s ``voices``; returns their number.

    A clip whose digest is in the manifest is kept, so an interrupted call can be repeated. A clip depends only on
    ``seed``, its name and its voice. Before the first clip, a warning lists the names that are read letter by letter.
    Raises ValueError for a name that cannot be pronounced, for another program's manifest, and for an invalid rate.
    """
    limits.check("sample_rate", sample_rate, n_channels=1, n_samples=0)
    warn_spelt_out(names)
    identity, clips = engine.identity, []
    for voice in voices:
        for name in names:
            shaping = [identity, voice.speaker, name, name.say, seed, sample_rate]
            digest = hashlib.sha256(json.dumps(shaping).encode()).hexdigest()[:16]
            values = (f"{name}/{_file_name(voice)}", str(name), voice.speaker, voice.accent, digest)
            clips.append((voice, name, dict(zip(COLUMNS, values, strict=True))))
    output.mkdir(parents=True, exist_ok=True)
    with storage.one_writer(output):
        _write_missing(clips, engine, output, sample_rate, seed)
    return len(clips)


def _write_missing(
    clips: Sequence[tuple[Voice, Name, Row]], engine: Engine, output: Path, sample_rate: int, seed: int
) -> None:
    manifest = output / MANIFEST
    listed = _read(manifest)
    missing = [clip for clip in clips if listed.get(clip[2]["path"]) != clip[2]]
    for _, _, row in missing:
        listed.pop(row["path"], None)
    with storage.whole(manifest) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(listed.values())
    for folder in {(output / row["path"]).parent for _, _, row in missing}:
        folder.mkdir(exist_ok=True)
        storage.remove_parts(folder)
    with storage.appended(manifest, newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        for voice, name, row in tqdm(missing, unit=" clips", disable=None):
            rng = np.random.default_rng([seed, zlib.crc32(f"{name} {voice.speaker}".encode())])
            texts = spoken_texts(name)
            espeak.restart()  # so that a clip's sound does not depend on earlier clips
            try:
                samples, rate = engine.speak(texts[rng.integers(len(texts))], voice, rng)
            except (PronunciationError, VoiceError) as error:
                raise ValueError(f"{name}: {error}") from error
            waveform = files.to_waveform(samples, rate, sample_rate, where=str(name))
            files.write(output / row["path"], waveform, sample_rate)
            writer.writerow(row)  # after its clip, so that each clip in the manifest is complete
            file.flush()


def _file_name(voice: Voice) -> str:
    """A file name for ``corpus=folder``, which takes the part before the underscore as the speaker. That part has no
    underscore or colon itself."""
    return f"{re.sub('[^A-Za-z0-9.+-]', '-', voice.speaker)}_0.wav"


def _read(manifest: Path) -> dict[str, Row]:
    """The rows of an earlier call whose clips exist, by path. Raises ValueError for another program's manifest."""
    if not manifest.is_file():
        return {}
    try:
        with manifest.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            rows, header = list(reader), reader.fieldnames
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{manifest}: not readable as CSV ({error}): give another output") from error
    if header != COLUMNS:
        columns = ",".join(COLUMNS)
        raise ValueError(f"{manifest}: its columns are not {columns}: another program wrote it: give another output")
    whole = [row for row in rows if None not in row.values()]  # the last line may be truncated
    return {row["path"]: row for row in whole if (manifest.parent / row["path"]).is_file()}
