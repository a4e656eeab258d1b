"""The tree of configs: its place, the choices of each group, and configs composed from it, unchecked."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hydra
from omegaconf import DictConfig as Config
from omegaconf import OmegaConf

__all__ = ["CONF", "Config", "ConfigError", "choices", "composed", "is_group", "options", "primary", "quoted"]

_PACKAGE = Path(__file__).resolve().parents[1]
# A wheel has the folder inside the package; in a checkout it is next to it.
CONF = _PACKAGE / "conf" if (_PACKAGE / "conf").is_dir() else _PACKAGE.parent / "conf"


class ConfigError(ValueError):
    """An error in a config, such as a key or a choice that does not exist; the message names it and the nearest one."""


def is_group(key: str, config_dir: Path | None = None) -> bool:
    """Whether ``key`` is a folder of the tree or of the user's ``config_dir``."""
    return any((folder / key).is_dir() for folder in _folders(config_dir))


def primary(name: str) -> Config:
    """Primary config ``name`` as written, with its defaults list; every call returns the same object."""
    return _read(CONF / f"{name}.yaml")


@functools.cache  # each option of a command is checked against it, and reading it takes milliseconds
def _read(path: Path) -> Config:
    config: Any = OmegaConf.load(path)
    OmegaConf.set_readonly(config, True)
    return config


def choices(name: str) -> dict[str, Any]:
    """The choice of each group in the defaults list of primary config ``name``; for ``shared`` it is a list."""
    return {
        str(key): choice
        for entry in primary(name).get("defaults", [])
        if isinstance(entry, Config)
        for key, choice in entry.items()
    }


def options(group: str, config_dir: Path | None = None) -> list[str]:
    """The choices of ``group``: its files here and in the user's ``config_dir``. Raises ConfigError for one in both."""
    ours, *theirs = ({p.stem for p in (folder / group).glob("*.yaml")} for folder in _folders(config_dir))
    for more in theirs:
        if both := sorted(ours & more):
            raise ConfigError(
                f"{config_dir}/{group}/{both[0]}.yaml: {CONF / group} has a file of that name: rename yours"
            )
        ours |= more
    return sorted(ours)


def composed(name: str, overrides: Sequence[str], config_dir: Path | None = None, hydra_too: bool = False) -> Config:
    """Config ``name`` from the tree, ``config_dir`` and ``overrides``; with ``hydra_too`` it includes Hydra's node."""
    more = [] if config_dir is None else [f"hydra.searchpath=[{quoted(f'file://{config_dir}')}]"]
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        return hydra.compose(name, [*more, *overrides], return_hydra_config=hydra_too)


def _folders(config_dir: Path | None) -> list[Path]:
    return [CONF] if config_dir is None else [CONF, config_dir]


def quoted(text: str) -> str:
    """``text`` quoted as a value on Hydra's command line, whatever characters it has."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
