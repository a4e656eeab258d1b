"""``python -m speech.g2p wikipron=DIR``: trains the grapheme-to-phoneme model of names in many languages.

RUN_DIR/g2p.onnx       the model, for speech.inference.g2p
        report.json    figures on the names held out for development
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from speech.config import command

if TYPE_CHECKING:
    from speech.config.tree import Config


def _train(config: Config, resume: bool = False) -> None:
    from speech.common.escape import printable
    from speech.training.g2p.run import train  # torch is slow to import: misspelt keys are reported first
    from speech.training.interruption import Interrupted

    try:
        print(json.dumps(train(config, resume)))
    except Interrupted as stopped:
        print(f"{stopped}; continue with: python -m speech.g2p resume={printable(config.run_dir)}")
        sys.exit(130)


def main() -> None:
    command.run("g2p", _train, resume=lambda config: _train(config, resume=True))


if __name__ == "__main__":
    main()
