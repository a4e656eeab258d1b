"""Separates a command line into overrides and options.

This is the only place that uses a private function of Hydra. Only Hydra's own parser knows which arguments are
overrides and which belong to an option (``-cd DIR``, ``--info defaults``). It has to be known before Hydra starts, so
that a misspelling is reported in one line, where Hydra would print a page.
"""

from __future__ import annotations

import itertools
import os
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from speech.common.trust import trust
from speech.config import tree
from speech.config.tree import ConfigError

# The options whose values are always texts, whatever they look like: names and paths (a folder may be called 2026).
_TEXTS = {"name", "names", "featured", "words", "speakers", "clip", "clips", "split"}
_TEXTS |= {"against", "cache_dir", "data_dir", "enrolled", "file", "folder", "held_out", "init", "onnxruntime_web"}
_TEXTS |= {"output", "path", "picture", "recognizer", "root", "run", "run_dir", "runs_dir", "source", "tensorboard"}
_TEXTS |= {"wikipron"}


@dataclass(frozen=True)
class Arguments:
    overrides: list[str]
    config_dir: Path | None  # a folder of the user's own configs
    help: bool
    sweep: bool  # -m
    one_job: bool  # whether a single job is run, not a sweep


def parse(arguments: Sequence[str]) -> Arguments:
    """Raises ConfigError if ``--config-dir`` is not a folder, or for an option that would replace the checked configs;
    ends the program for an option unknown to Hydra."""
    found = _options(arguments)
    for key in ("config_path", "config_name", "experimental_rerun"):  # the last one runs a pickle
        if getattr(found, key) is not None:
            option = key.replace("_", "-")
            raise ConfigError(f"--{option} {getattr(found, key)}: --config-dir DIR is what adds your own configs")
    config_dir = None if found.config_dir is None else Path(found.config_dir).absolute()
    if config_dir is not None and not config_dir.is_dir():
        raise ConfigError(f"--config-dir {found.config_dir}: no such folder")
    one_job = not (found.multirun or found.cfg or found.info)
    return Arguments(found.overrides, config_dir, found.help, found.multirun, one_job)


def _options(arguments: Sequence[str]) -> Any:
    return get_args_parser().parse_intermixed_args(list(arguments))


def in_one_place(arguments: Sequence[str], overrides: Sequence[str]) -> list[str]:
    """``arguments`` with their ``overrides`` before the options: Hydra's parser refuses overrides between options."""
    options = list(arguments)
    for override in overrides:
        options.remove(override)
    return [*overrides, *options]


def opt_in(arguments: Sequence[str]) -> list[str]:
    """``arguments`` without ``trust=[mypackage]``, whose packages are trusted from now on. Raises ConfigError.

    It is taken from the command line before a config is composed, so that no file can set it.
    """
    given = [argument for argument in arguments if argument.startswith("trust=")]
    packages = [one.strip(" '\"") for text in given for one in text.removeprefix("trust=").strip("[]").split(",")]
    if wrong := [one for one in packages if not all(part.isidentifier() for part in one.split("."))]:
        raise ConfigError(f"trust={wrong[0]}: not the name of a Python package: trust=[mypackage]")
    trust(packages)
    return [argument for argument in arguments if argument not in given]


def quoted(arguments: Sequence[str]) -> list[str]:
    """``arguments``, with quotes where Hydra's grammar does not accept them as they are or, if the option takes texts,
    would read numbers or a sweep: ``names=[O'Brien,José,Nan]``, ``clips=take=1,(2).wav``. A ``~/`` is replaced by the
    home folder, which not every shell does. Raises ConfigError for a text that a shell has split at its spaces."""
    found = _options(arguments)
    _check_spaces(found.overrides)
    return [_quoted(argument, found.multirun) for argument in arguments]


def _check_spaces(arguments: Sequence[str]) -> None:
    """Raise ConfigError, with the quoted argument, for arguments that a shell has made of one, at its spaces."""
    for i, argument in enumerate(arguments):
        if i and "=" not in argument and not argument.startswith("~"):
            rest = itertools.takewhile(lambda one: "=" not in one, arguments[i:])
            whole = shlex.quote(" ".join([arguments[i - 1], *rest]))
            raise ConfigError(f"{argument}: not KEY=VALUE: if it belongs to what is before it, quote both: {whole}")


def _quoted(argument: str, sweeps: bool) -> str:
    key, equals, value = argument.partition("=")
    if not equals or not re.fullmatch(r"\+{0,2}\w[\w./@]*", key) or key == "resume":  # resume is not an override
        return argument
    option = key.rpartition(".")[2].lstrip("+")
    wants_texts = option in _TEXTS
    if wants_texts and value.startswith("~/"):
        value = os.path.expanduser(value)
        argument = f"{key}={value}"
    as_it_stands = _parsed(argument)
    if as_it_stands is not None and not (wants_texts and not _is_texts(as_it_stands, sweeps, option)):
        return argument
    candidates = [f"{key}={tree.quoted(value)}"]
    if value[:1] in ("[", "{"):
        candidates.insert(0, f"{key}={_quoted_inside(value)}")
    return next((one for one in candidates if _parsed(one) is not None), argument)


def _quoted_inside(value: str) -> str:
    """``value`` with all texts of its lists and mappings in quotes, at any depth."""
    if value[:1] == "[" and value[-1:] == "]":
        return f"[{','.join(map(_quoted_inside, _items(value[1:-1])))}]"
    if value[:1] == "{" and value[-1:] == "}":
        pairs = (item.partition(":") for item in _items(value[1:-1]))
        return f"{{{','.join(f'{key}: {_quoted_inside(one.strip())}' for key, _, one in pairs)}}}"
    return value if value[:1] in ("'", '"') else tree.quoted(value)


def _parsed(argument: str) -> Any:
    """The parsed override; None if ``argument`` is not a valid override."""
    try:
        return OverridesParser.create().parse_override(argument)
    except HydraException:
        return None


def _is_texts(override: Any, sweeps: bool, option: str) -> bool:
    if override.is_sweep_override():
        return sweeps
    value = override.value()
    if value is None:
        return option != "name"  # name must not be null: Null is a name
    return all(isinstance(one, str | dict) for one in (value if isinstance(value, list) else [value]))


def _items(text: str) -> Iterator[str]:
    """The items of a list, split at commas outside quotes and brackets."""
    start, depth, quote = 0, 0, ""
    for at, character in enumerate(text):
        if quote:
            quote = "" if character == quote and text[at - 1] != "\\" else quote
        elif character in "'\"" and text[:at].rstrip()[-1:] in ("", *",:[{"):  # the apostrophe of O'Brien is no quote
            quote = character
        elif character in "[{":
            depth += 1
        elif character in "]}":
            depth -= 1
        elif character == "," and depth == 0:
            yield text[start:at].strip()
            start = at + 1
    yield text[start:].strip()
