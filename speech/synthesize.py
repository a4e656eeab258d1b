"""``python -m speech.synthesize 'names=[Anna,Bob]'``: a folder of clips of names by synthetic voices (tts/clips.py)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from speech.config import command

if TYPE_CHECKING:
    from speech.config.tree import Config


def synthesize(config: Config) -> None:
    import numpy as np

    from speech.common import counting, escape
    from speech.config.objects import instantiate
    from speech.inference.pronounce import with_pronunciations
    from speech.text.alphabet import Alphabet
    from speech.text.confusable import warn_homophones
    from speech.text.names import writable_names
    from speech.tts.clips import write_clips
    from speech.tts.mix import draw_voices

    engine, output = instantiate(config.voices), Path(config.output)
    names = writable_names(config.names, Alphabet(config.alphabet))
    warn_homophones(names)
    names = with_pronunciations(names, n, config.seed) if (n := config.n_pronunciations) else names
    voices = draw_voices(engine, config.n_voices, np.random.default_rng(config.seed), config.accent)
    n_clips = write_clips(names, voices, engine, output, config.sample_rate, config.seed)
    print(f"{counting.counted(n_clips, 'clip')} in {escape.printable(output.resolve())}")


def main() -> None:
    command.run("synthesize", synthesize)


if __name__ == "__main__":
    main()
