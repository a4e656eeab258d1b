"""The config folder, and the check that no key of it is misspelt. For the entry points only.

Hydra refuses an unknown key on the command line, but takes one in silence that a YAML of ours brings along. So every
node that names a ``_target_`` is held against that target's own signature, and whatever stands at the top against
what the primary config declares.
"""

from __future__ import annotations

import difflib
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import hydra
from hydra._internal.utils import (
    _locate,  # get_object without its line in the log
    get_args_parser,  # what of a command line is an override, Hydra alone knows
)
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override
from hydra.errors import HydraException, InstantiationException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import ConfigAttributeError, OmegaConfBaseException
from yaml import YAMLError

_PACKAGE = Path(__file__).resolve().parents[1]
# A wheel carries the folder inside of the package; in a checkout it stands beside it.
CONF = _PACKAGE / "conf" if (_PACKAGE / "conf").is_dir() else _PACKAGE.parent / "conf"
_NEEDED = ("corpus", "frontend", "encoder", "decoder", "alphabet", "batch_size", "seed", "cache_dir")  # of a training
_HYDRA_KEYS = {"_target_", "_partial_", "_recursive_", "_convert_", "_args_"}


class ConfigError(ValueError):
    """A key or a choice that does not exist; the message names it and the nearest that does."""


def _unknown(what: str, given: str, known: Iterable[str]) -> ConfigError:
    known = sorted(known)
    near = difflib.get_close_matches(given, known, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
    return ConfigError(f"{what}: there is no {given!r}; {hint}")


def declared_keys(name: str) -> set[str]:
    """The keys that may stand at the top of primary config ``name``: its own, and the groups of its defaults."""
    primary = OmegaConf.load(CONF / f"{name}.yaml")
    assert isinstance(primary, DictConfig)
    keys = {str(key) for key in primary} - {"defaults", "hydra"}
    for default in primary.get("defaults", []):
        if isinstance(default, DictConfig):
            keys |= {str(key).removeprefix("optional ").removeprefix("override ") for key in default}
    return keys


def check(config: DictConfig, name: str) -> None:
    """Raise ConfigError for the first key of a composed config that nothing would read."""
    known = declared_keys(name)
    for key in config:
        if str(key) not in known:
            raise _unknown(f"{name}.yaml and what it is composed of", str(key), known)
    plain: Any = OmegaConf.to_container(config)
    for key, node in plain.items():
        _check_node(node, str(key))


def check_given(config: DictConfig) -> None:
    """Raise ConfigError for the first value that a config leaves to the user (``???``) and that was not given."""
    for key in sorted(OmegaConf.missing_keys(config)):
        raise ConfigError(f"{key} has no value, and nothing to fall back on: add {key}=... to the command")


def saved(run_dir: Path, name: str) -> DictConfig:
    """The config that a run left in its folder, checked. Raises ConfigError, FileNotFoundError with the way out."""
    path = run_dir / "config.yaml"
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file: give the folder of a run")
    try:
        config = OmegaConf.load(path)
        assert isinstance(config, DictConfig), "no keys in it"
        check(config, name)
        if missing := [key for key in _NEEDED if key not in config]:
            raise ConfigError(f"no {', '.join(missing)} in it: half written?")
    except (AssertionError, OSError, OmegaConfBaseException, YAMLError, ValueError) as error:
        raise ConfigError(f"{path}: not a config of this version of the project ({error}): train again") from error
    return config


def as_trained(config: DictConfig, recognizer: Path, keys: Iterable[str]) -> None:
    """Fill those of ``keys`` that ``config`` leaves open with what the run that ``recognizer`` lies in had.

    Raises ConfigError where it lies in none.
    """
    left_open = [key for key in keys if config.get(key) is None]
    if not left_open:
        return
    try:
        trained = saved(recognizer.parent, "train")
    except FileNotFoundError as error:
        raise ConfigError(
            f"{recognizer}: no config.yaml beside it, so that its {left_open[0]} is not known: give the run's folder, "
            f"or {left_open[0]}=..."
        ) from error
    with open_dict(config):
        for key in left_open:
            config[key] = OmegaConf.to_container(trained[key], resolve=True)


def _check_node(node: Any, path: str) -> None:
    if isinstance(node, list):
        for i, child in enumerate(node):
            if isinstance(child, dict):
                _check_node(child, f"{path}[{i}]")
    if not isinstance(node, dict):
        return
    if "_target_" in node:
        parameters = _parameters(node["_target_"], path)
        known = set(parameters) - {"self"}
        if not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
            for key in set(node) - known - _HYDRA_KEYS:
                raise _unknown(path, key, known)
    named = [key for key, child in node.items() if isinstance(child, dict) and "_target_" in child]
    for key, child in node.items():
        if "_target_" not in node and isinstance(child, dict) and "_target_" not in child:
            raise _unknown(path, key, named)
        _check_node(child, f"{path}.{key}")


def _parameters(target: Any, path: str) -> Mapping[str, inspect.Parameter]:
    """Of what ``_target_`` names. Raises ConfigError where that is not there, or nothing to be called."""
    try:
        return inspect.signature(_locate(target)).parameters
    except (AttributeError, ImportError, InstantiationException, TypeError, ValueError) as error:
        reason = str(error.__cause__ or error).partition("\n")[0]
        raise ConfigError(f"{path}: _target_ {target!r} is nothing that can be made ({reason})") from error


def check_overrides(name: str, arguments: list[str]) -> None:
    """Raise ConfigError for a command line that names a key or a choice that does not exist."""
    try:
        overrides = OverridesParser.create().parse_overrides(arguments)
    except HydraException as error:
        raise ConfigError(
            f"{error}\nquote letters with accents, spaces and commas: 'names=[\"Chloé\",Bob]'; or give a text file"
        ) from error
    groups = [override for override in overrides if _is_group(override)]
    for override in groups:
        for choice in _choices(override):
            options = [p.stem for p in (CONF / override.key_or_group).glob("*.yaml")]
            if choice not in [*options, None, "null"]:
                raise _unknown(override.key_or_group, str(choice), options)
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        first = [f"{override.key_or_group}={_choices(override)[0] or 'null'}" for override in groups]
        composed = hydra.compose(name, first)
    for override in overrides:
        key = override.key_or_group
        if _is_group(override) or key.split(".")[0] == "hydra" or override.is_force_add() or override.is_add():
            continue  # what is added is held against the signatures later
        node: Any = composed
        for depth, part in enumerate(key.split(".")):
            if node is None and depth == 1 and (group := CONF / key.split(".")[0]).is_dir():
                there = ", ".join(sorted(p.stem for p in group.glob("*.yaml")))
                raise ConfigError(f"{key}: no {group.name} is chosen: give {group.name}=... as well ({there})")
            known = [str(k) for k in node] if isinstance(node, DictConfig) else []
            if depth == 0:
                known += [p.name for p in CONF.iterdir() if p.is_dir()]
            if part not in known:
                raise _unknown(".".join(key.split(".")[:depth]) or f"{name}.yaml", part, known)
            node = node._get_node(part) if isinstance(node, DictConfig) and part in node else None


def compose(name: str, arguments: list[str]) -> DictConfig:
    """Config ``name`` as a command line of ``arguments`` composes it, every key of it checked. Raises ConfigError."""
    check_overrides(name, arguments)
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        composed = hydra.compose(name, arguments)
    check(composed, name)
    return composed


def _is_group(override: Override) -> bool:
    return (CONF / override.key_or_group).is_dir()


def _choices(override: Override) -> list[Any]:
    value = override.value()
    return list(value.list) if isinstance(value, ChoiceSweep) else [value]


def run(name: str, main: Callable[[DictConfig], object]) -> None:
    """Compose config ``name`` from the command line, check it, and call ``main`` with it.

    What a user can put right is shown as one line, and ends the program with status 2.
    """

    def check_and_run(config: DictConfig) -> object:
        check(config, name)
        check_given(config)
        return main(config)

    def checked(config: DictConfig) -> object:
        return explained(lambda: check_and_run(config))

    explained(lambda: check_overrides(name, get_args_parser().parse_intermixed_args().overrides))
    hydra.main(version_base="1.3", config_path=str(CONF), config_name=name)(checked)()


def explained(action: Callable[[], object]) -> object:
    """The result of ``action``; what a user can put right (ours name the value and the way out) without a traceback."""
    try:
        return action()
    except (ValueError, OSError, ModuleNotFoundError, HydraException, OmegaConfBaseException) as error:
        # Where Hydra built the object, its own exception stands around the one that says what is wrong.
        wrapped = isinstance(error, InstantiationException) and error.__cause__
        if isinstance(error, ConfigAttributeError) and isinstance(error.parent_node, DictConfig):
            # A key that the program reads is missing from a YAML: what stands there instead, misspelt, is named.
            wrapped = _unknown("the configuration", str(error.key), map(str, error.parent_node))
        print(f"error: {wrapped or error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("stopped: the same command goes on from here", file=sys.stderr)
        sys.exit(130)
