"""``python -m speech.synthesize names=[Anna,Bob]``: hear the names said by voices that a recogniser learns from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from speech import config as configs

if TYPE_CHECKING:
    from omegaconf import DictConfig


def synthesize(config: DictConfig) -> int:
    """Write ``output/<name>/<voice>_0.wav`` for ``n_voices`` drawn voices each (a folder that ``corpus=folder`` takes).

    Returns the number of clips. Raises ValueError for names that cannot be written or an accent that is not there.
    """
    import numpy as np
    from hydra.utils import instantiate

    from speech import audio
    from speech.alphabet import Alphabet, distinct, read_names

    engine = instantiate(config.voices)
    names = distinct(read_names(config.names), Alphabet(config.alphabet))
    voices = [voice for voice in engine.voices() if config.accent in (None, voice.accent)]
    if not voices:
        accents = ", ".join(sorted({voice.accent for voice in engine.voices()}))
        raise ValueError(f"accent={config.accent}: no such accent; there are {accents}")
    rng = np.random.default_rng(config.seed)
    n_clips = 0
    for voice in [voices[i] for i in rng.permutation(len(voices))[: config.n_voices]]:
        for name in names:
            path = Path(config.output) / name / f"{voice.accent}+{voice.variant}_0.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            samples, rate = engine.speak(name.say[rng.integers(len(name.say))] if name.say else str(name), voice, rng)
            audio.write(path, audio.to_waveform(samples, rate, config.sample_rate), config.sample_rate)
            n_clips += 1
    print(f"{n_clips} clips in {Path(config.output).resolve()}")
    return n_clips


def main() -> None:
    configs.run("synthesize", synthesize)


if __name__ == "__main__":
    main()
