"""Checks that every key of a config, from a file or the command line, is read by something.

Hydra refuses an unknown key on the command line, but silently accepts one in a YAML file. So every node with a
``_target_`` is checked against that target's signature, and the keys at the top against those that the primary config
declares.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, RangeSweep
from hydra.errors import HydraException, InstantiationException
from omegaconf import DictConfig, OmegaConf

from speech.common.ranges import checked_count, is_finite
from speech.config import tree
from speech.config.objects import UntrustedConfigError, locate
from speech.config.sweep import require_launcher
from speech.config.tree import ConfigError

_WHOLE = {"batch_size": 1, "seed": 0, "shard_size": 1, "sample_rate": 1}  # whole numbers, with their least values
# What a value has to be, by the annotation of its parameter; a text is checked only to be no null.
_KINDS = {"bool": "true or false", "int": "a whole number", "float": "a number", "str": "a text"}
_TYPES: dict[str, type | UnionType] = {"bool": bool, "int": int, "float": int | float}
_OBJECTS = ("replay", "concatenate")  # null, or a node with a _target_
_FILES = ("names", "words", "exclude")  # lists that may be text files
_HYDRA_KEYS = {"_target_", "_partial_", "_recursive_", "_convert_", "_args_"}
# The keys of Hydra's own node that name code or commands, or set the environment.
_CODE = ("callbacks", "job_logging", "hydra_logging", "job.env_set", "launcher", "sweeper._target_")


def unknown_key(what: str, given: str, known: Iterable[str]) -> ConfigError:
    known = sorted(known)
    near = difflib.get_close_matches(given, known, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else f"choose from: {', '.join(known)}"
    return ConfigError(f"{what}: there is no {given!r}; {hint}")


def declared_keys(name: str) -> set[str]:
    """The keys allowed at the top of primary config ``name``: its own, and those of its groups and shared settings."""
    groups = tree.choices(name)
    shared = groups.pop("shared", [])
    return {str(key) for key in tree.primary(name)} - {"defaults", "hydra"} | set(groups) | set(shared)


def check(config: DictConfig, name: str) -> None:
    """Raise ConfigError for the first key of a composed config that nothing would read, ValueError for a value that is
    not a number where one is needed."""
    known = declared_keys(name)
    for key in config:
        if str(key) not in known:
            raise unknown_key(f"{name}.yaml and what it is composed of", str(key), known)
    plain: Any = OmegaConf.to_container(config)
    for key, node in plain.items():
        _check_node(node, str(key))
        if key in _OBJECTS and not (node is None or (isinstance(node, dict) and "_target_" in node)):
            raise ConfigError(f"{key}={node}: give a mapping with _target_ and its arguments, or null, to go without")
        if key == "featured" and not (isinstance(node, list) and all(isinstance(one, str) for one in node)):
            raise ConfigError(f"featured={node}: give a list of names, [] for none")
        if key in _WHOLE and not OmegaConf.is_interpolation(config, key):
            checked_count(str(key), node, least=_WHOLE[key], most=2**32 - 1)


def check_given(config: DictConfig) -> None:
    """Raise ConfigError for the first value that a config requires of the user (``???``) and that was not given."""
    for key in sorted(OmegaConf.missing_keys(config)):
        raise ConfigError(f"{key} has no value and no default: add {key}=... to the command")


def _check_node(node: Any, path: str) -> None:
    if isinstance(node, int | float) and not is_finite(node):
        raise ConfigError(f"{path}={node} is not a finite number (if it is a name, quote it: 'names=[\"Nan\",Anna]')")
    if isinstance(node, list):
        for i, child in enumerate(node):
            _check_node(child, f"{path}[{i}]")
    if not isinstance(node, dict):
        return
    if "_target_" in node:
        if wrong := [key for key in ("_partial_", "_recursive_") if type(node.get(key, False)) is not bool]:
            raise ConfigError(f"{path}.{wrong[0]}={node[wrong[0]]!r} must be true or false")
        if wrong := sorted({"_args_", "_convert_"} & node.keys()):
            raise unknown_key(path, wrong[0], {*node} - _HYDRA_KEYS)
        parameters = _parameters(node["_target_"], path)
        known = set(parameters) - {"self"}
        if not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
            for key in set(node) - known - _HYDRA_KEYS:
                raise unknown_key(path, key, known)
        for key, child in node.items():
            if key in known and (kind := _misfit(child, parameters[key])):
                raise ConfigError(f"{path}.{key}={json.dumps(child, default=str)} must be {kind}")
    named = [key for key, child in node.items() if isinstance(child, dict) and "_target_" in child]
    for key, child in node.items():
        if "_target_" not in node and isinstance(child, dict) and "_target_" not in child:
            raise unknown_key(path, key, named)
        _check_node(child, f"{path}.{key}")


def _misfit(value: Any, parameter: inspect.Parameter) -> str | None:
    """What ``value`` has to be as an argument for ``parameter``; None if it is that, or an interpolation."""
    annotation = getattr(parameter.annotation, "__name__", str(parameter.annotation))
    name = annotation.removesuffix(" | None")
    if value is None:
        return _KINDS.get(name) if name == annotation and parameter.default is not None else None
    kind = _TYPES.get(name)
    fits = kind is None or (isinstance(value, kind) and isinstance(value, bool) == (kind is bool))
    return None if fits or (isinstance(value, str) and "${" in value) else _KINDS[name]


def _parameters(target: Any, path: str) -> Mapping[str, inspect.Parameter]:
    """The parameters of what ``_target_`` names. Raises ConfigError if it does not exist, or cannot be called."""
    try:
        return inspect.signature(locate(target)).parameters
    except (AttributeError, ImportError, InstantiationException, TypeError, ValueError) as error:
        reason = str(error.__cause__ or error).partition("\n")[0]
        kind = UntrustedConfigError if isinstance(error, UntrustedConfigError) else ConfigError
        raise kind(f"{path}: _target_ {target!r} cannot be made ({reason})") from error


def check_overrides(name: str, arguments: Sequence[str], config_dir: Path | None = None) -> None:
    """Raise ConfigError for overrides with a key or a choice that does not exist, here or in ``config_dir``, or with a
    value of the wrong kind for the key."""
    try:
        overrides = OverridesParser.create().parse_overrides(list(arguments))
    except HydraException as error:
        raise ConfigError(
            f"{error}\nquote letters with accents, spaces and commas: 'names=[\"Chloé\",Bob]'; or give a text file"
        ) from error
    for override in overrides:
        if override.key_or_group == "hydra/launcher":
            require_launcher(override.value())
    ours = [override for override in overrides if not override.key_or_group.startswith("hydra/")]
    groups = [override for override in ours if tree.is_group(override.key_or_group, config_dir)]
    chosen = _groups(name)
    for override in groups:
        if not (override.key_or_group in chosen or override.package or override.is_add()):
            raise unknown_key(f"{name}.yaml", override.key_or_group, declared_keys(name) - {"hydra"})
        options = tree.options(override.key_or_group, config_dir)
        for choice in _choices(override):
            if choice in (None, "null") and not override.is_delete():
                raise ConfigError(f"{override.input_line}: choose from: {', '.join(options)}")
            if choice not in [*options, None]:
                raise unknown_key(override.key_or_group, str(choice), options)
    choices = tuple(map(_first, groups))
    for override in overrides:
        added = override.is_add() or override.is_force_add()  # checked against the signatures later
        if not (added or override in groups or override.key_or_group.startswith(("hydra.", "hydra/"))):
            default = _check_key(_of_choices(tree.CONF, name, choices, config_dir), name, override.key_or_group)
            if not override.key_or_group.startswith("trainer."):  # Lightning's Trainer takes devices=auto
                _check_kind(override, default)


@functools.cache  # a program that composes many configs uses few different choices
def _of_choices(_tree: Path, name: str, choices: tuple[str, ...], config_dir: Path | None) -> Any:
    """The config with which the values of overrides are compared, from the configs in ``_tree``: for reading only."""
    return OmegaConf.to_container(tree.composed(name, choices, config_dir))


def check_hydra(name: str, arguments: Sequence[str], config_dir: Path | None) -> None:
    """Raise ConfigError if a file of ``config_dir`` affects what Hydra itself imports, calls or exports, in any job.

    Hydra makes these objects before our configs are checked. A command line may set them; a file may not.
    """
    if config_dir is None:
        return
    parse = OverridesParser.create().parse_overrides
    overrides = parse(list(arguments))
    ours = [one for one in overrides if one.key_or_group.startswith(("hydra.", "hydra/")) or _is_ours(one)]
    expected = tree.composed(name, list(map(_first, ours)), hydra_too=True).hydra
    found = tree.composed(name, list(map(_first, overrides)), config_dir, hydra_too=True).hydra
    swept = parse([f"{key}={value}" for key, value in (found.sweeper.get("params") or {}).items()]) + overrides
    every = [_every(one) if tree.is_group(one.key_or_group, config_dir) else [_first(one)] for one in swept]
    for job in itertools.product(*every):
        found = tree.composed(name, job, config_dir, hydra_too=True).hydra
        for key in _CODE:
            if _raw(found, key) != _raw(expected, key):
                raise ConfigError(
                    f"--config-dir {config_dir}: a file there sets hydra.{key}: give that on the command line"
                )


def _is_ours(override: Override) -> bool:
    """Whether ``override`` chooses only configs of the project's own tree."""
    group = override.key_or_group
    return tree.is_group(group) and all(choice in tree.options(group) for choice in _choices(override))


def _raw(config: DictConfig, key: str) -> Any:
    node = OmegaConf.select(config, key)
    return OmegaConf.to_container(node) if OmegaConf.is_config(node) else node


def _groups(name: str) -> list[str]:
    """The groups of which primary config ``name`` is composed."""
    return [group for group in tree.choices(name) if group not in ("shared", "hydra")]


def _check_kind(override: Override, default: Any) -> None:
    """Raise ConfigError for a value of another kind than the ``default`` that it replaces."""
    key = override.key_or_group
    if isinstance(override.value(), RangeSweep | IntervalSweep) or default == "???":
        return
    for one in _choices(override):
        if one is not None and "${" not in f"{one}{default}" and (expected := _other_kind(key, one, default)):
            given, usual = (str(value).lower() if isinstance(value, bool) else value for value in (one, default))
            raise ConfigError(f"{key}={given} must be {expected}: by default it is {usual}")


def _other_kind(key: str, value: Any, default: Any) -> str | None:
    """What ``value`` would have to be to replace ``default``; None if it may. A list or a mapping may replace anything
    except a switch or a text at the top, and a file may replace names and words."""
    is_bool, is_number = isinstance(value, bool), isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(default, list):
        is_file = key.rpartition(".")[2] in _FILES and isinstance(value, str)
        return None if isinstance(value, list | dict) or is_file else "a list"
    if isinstance(default, bool):
        return None if is_bool else "true or false"
    if isinstance(default, str):
        return None if isinstance(value, str) or "." in key else "a text"
    if isinstance(value, list | dict) or not isinstance(default, int | float):
        return None
    if isinstance(default, int) and (key.rpartition(".")[2].startswith("n_") or key == "seed"):
        return None if is_number and isinstance(value, int) and value >= 0 else "a whole number, 0 or more"
    return None if is_number else "a number"


def _check_key(config: Mapping[str, Any], name: str, key: str) -> Any:
    """The value of ``key`` in ``config``. Raises ConfigError if there is no such key."""
    groups = _groups(name)
    node: Any = config
    first, *_ = parts = key.split(".")
    for depth, part in enumerate(parts):
        if node is None and depth == 1 and first in groups:
            options = ", ".join(tree.options(first))
            raise ConfigError(f"{key}: no {first} is chosen: give {first}=... as well ({options})")
        known = [str(k) for k in node] if isinstance(node, dict) else []
        if part not in known + (groups if depth == 0 else []):
            parents = [one for one in known if isinstance(config[one], dict)] if depth == 0 else []
            if inner := [f"{one}.{part}" for one in parents if part in config[one]]:
                raise ConfigError(f"{name}.yaml: there is no {part!r}; did you mean {inner[0]!r}?")
            raise unknown_key(".".join(parts[:depth]) or f"{name}.yaml", part, known + (groups if depth == 0 else []))
        node = node.get(part) if isinstance(node, dict) else None
    return node


def _choices(override: Override) -> list[Any]:
    value = override.value()
    if isinstance(value, RangeSweep | IntervalSweep):
        return [value.start]
    return list(value.list) if isinstance(value, ChoiceSweep) else [value]


def _first(override: Override) -> str:
    """The override, with only the first choice of a sweep."""
    return _every(override)[0]


def _every(override: Override) -> list[str]:
    """The override, once with each choice of a sweep."""
    if not override.is_sweep_override():
        return [str(override.input_line)]
    return [f"{override.get_key_element()}={choice or 'null'}" for choice in _choices(override)]
