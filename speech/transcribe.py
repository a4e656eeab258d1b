"""``python -m speech.transcribe clips=FILE_DIR_OR_GLOB``: what is heard in recordings, clip by clip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speech.config import tree as configs
from speech.inference.batch import transcribe

if TYPE_CHECKING:
    pass


def main() -> None:
    configs.run("transcribe", transcribe)


if __name__ == "__main__":
    main()
