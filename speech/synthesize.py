"""``python -m speech.synthesize 'names=[Anna,Bob]'``: hear the names said by voices that a recogniser learns from.

OUTPUT/manifest.csv               which voice of which engine says each clip: ``corpus=manifest corpus.path=...``
       <name>/<voice>_0.wav       the clips. ``corpus=folder`` takes each voice for a person, since no file's name can
                                  hold the colon by which engines are told from people
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from speech.config import tree as configs
from speech.tts.clips import synthesize

if TYPE_CHECKING:
    pass


def main() -> None:
    configs.run("synthesize", synthesize)


if __name__ == "__main__":
    main()
