"""``python -m speech.synthesize 'names=[Anna,Bob]'``: hear the names said by voices that a recogniser learns from."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from speech import config as configs

if TYPE_CHECKING:
    from omegaconf import DictConfig


def synthesize(config: DictConfig) -> int:
    """Write ``output/<name>/<voice>_0.wav`` for ``n_voices`` drawn voices each (a folder that ``corpus=folder`` takes).

    A clip that is there is kept: what was interrupted goes on. How each is said comes from ``seed`` and what it is.
    Returns the number of clips. Raises ValueError for names that cannot be written or an accent that is not there.
    """
    import numpy as np
    from hydra.utils import instantiate
    from tqdm import tqdm

    from speech import audio
    from speech.alphabet import Alphabet, distinct, read_names
    from speech.voices.mix import drawn

    engine = instantiate(config.voices)
    names = distinct(read_names(config.names), Alphabet(config.alphabet))
    voices = [voice for voice in engine.voices() if config.accent in (None, voice.accent)]
    if not voices:
        accents = ", ".join(sorted({voice.accent for voice in engine.voices()}))
        raise ValueError(f"accent={config.accent}: no such accent; there are {accents}")
    chosen = drawn(engine, voices, config.n_voices, np.random.default_rng(config.seed))
    clips = [(voice, name) for voice in chosen for name in names]
    for voice, name in tqdm(clips, unit=" clips", disable=None):
        path = Path(config.output) / name / f"{voice.accent}+{voice.variant}_0.wav"
        if path.is_file():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng([config.seed, zlib.crc32(f"{name} {voice.speaker}".encode())])
        samples, rate = engine.speak(name.say[rng.integers(len(name.say))] if name.say else str(name), voice, rng)
        audio.write(path, audio.to_waveform(samples, rate, config.sample_rate), config.sample_rate)
    print(f"{len(clips)} clips in {Path(config.output).resolve()}")
    return len(clips)


def main() -> None:
    configs.run("synthesize", synthesize)


if __name__ == "__main__":
    main()
