"""A command line, told apart into overrides and options.

This is the one place that uses a private function of Hydra's. Which arguments are overrides, and which belong to an
option (``-cd DIR``, ``--info defaults``), its own parser alone knows, and it has to be known before Hydra begins: what
is misspelt is told in one line, and Hydra would tell it over a page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra._internal.utils import get_args_parser

from speech.common.trust import trust
from speech.config.tree import ConfigError


@dataclass(frozen=True)
class Arguments:
    overrides: list[str]
    config_dir: Path | None  # a folder of the user's own configs
    help: bool


def parse(arguments: Sequence[str]) -> Arguments:
    """Raises ConfigError where ``--config-dir`` names no folder; ends the program for an option that Hydra has not."""
    found = get_args_parser().parse_intermixed_args(list(arguments))
    config_dir = None if found.config_dir is None else Path(found.config_dir).absolute()
    if config_dir is not None and not config_dir.is_dir():
        raise ConfigError(f"--config-dir {found.config_dir}: no such folder")
    return Arguments(found.overrides, config_dir, found.help)


def opt_in(arguments: Sequence[str]) -> list[str]:
    """``arguments`` without ``trust=[mypackage]``, whose packages are trusted from here on. Raises ConfigError.

    It is taken from the command line before a config is composed, so that no file can say it.
    """
    given = [argument for argument in arguments if argument.startswith("trust=")]
    packages = [one.strip(" '\"") for text in given for one in text.removeprefix("trust=").strip("[]").split(",")]
    if wrong := [one for one in packages if not all(part.isidentifier() for part in one.split("."))]:
        raise ConfigError(f"trust={wrong[0]}: not the name of a Python package: trust=[mypackage]")
    trust(packages)
    return [argument for argument in arguments if argument not in given]
