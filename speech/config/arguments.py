"""A command line, told apart into overrides and options.

This is the one place that uses a private function of Hydra's. Which arguments are overrides, and which belong to an
option (``-cd DIR``, ``--info defaults``), its own parser alone knows, and it has to be known before Hydra begins: what
is misspelt is told in one line, and Hydra would tell it over a page.
"""

from __future__ import annotations

import os
import re
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

# The options that are texts, whatever else they look like: names, and places (a folder may be called 2026).
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
    one_job: bool  # it is run, and no sweep


def parse(arguments: Sequence[str]) -> Arguments:
    """Raises ConfigError where ``--config-dir`` names no folder; ends the program for an option that Hydra has not."""
    found = _options(arguments)
    config_dir = None if found.config_dir is None else Path(found.config_dir).absolute()
    if config_dir is not None and not config_dir.is_dir():
        raise ConfigError(f"--config-dir {found.config_dir}: no such folder")
    one_job = not (found.multirun or found.cfg or found.info)
    return Arguments(found.overrides, config_dir, found.help, found.multirun, one_job)


def _options(arguments: Sequence[str]) -> Any:
    return get_args_parser().parse_intermixed_args(list(arguments))


def in_one_place(arguments: Sequence[str], overrides: Sequence[str]) -> list[str]:
    """``arguments``, their ``overrides`` before the options: between two options Hydra's own parsing refuses them."""
    options = list(arguments)
    for override in overrides:
        options.remove(override)
    return [*overrides, *options]


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


def quoted(arguments: Sequence[str]) -> list[str]:
    """``arguments``, those quoted that Hydra's grammar does not take as they stand or, where texts are wanted, takes
    for numbers or a sweep: ``names=[O'Brien,José,Nan]``, ``clips=take=1,(2).wav``. A ``~/`` is the home folder, which
    not every shell puts there."""
    sweeps = _options(arguments).multirun
    return [_quoted(argument, sweeps) for argument in arguments]


def _quoted(argument: str, sweeps: bool) -> str:
    key, equals, value = argument.partition("=")
    if not equals or not re.fullmatch(r"\+{0,2}\w[\w./@]*", key) or key == "resume":  # which is no override
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
    """The texts of a list or a mapping in quotes, however deep they stand."""
    if value[:1] == "[" and value[-1:] == "]":
        return f"[{','.join(map(_quoted_inside, _items(value[1:-1])))}]"
    if value[:1] == "{" and value[-1:] == "}":
        pairs = (item.partition(":") for item in _items(value[1:-1]))
        return f"{{{','.join(f'{key}: {_quoted_inside(one.strip())}' for key, _, one in pairs)}}}"
    return value if value[:1] in ("'", '"') else tree.quoted(value)


def _parsed(argument: str) -> Any:
    """The override; None where it is none."""
    try:
        return OverridesParser.create().parse_override(argument)
    except HydraException:
        return None


def _is_texts(override: Any, sweeps: bool, option: str) -> bool:
    if override.is_sweep_override():
        return sweeps
    value = override.value()
    if value is None:
        return option != "name"  # which has to be given: Null is a name
    return all(isinstance(one, str | dict) for one in (value if isinstance(value, list) else [value]))


def _items(text: str) -> Iterator[str]:
    """The items of a list, between its commas that stand in no quotes and no brackets."""
    start, depth, quote = 0, 0, ""
    for at, character in enumerate(text):
        if quote:
            quote = "" if character == quote and text[at - 1] != "\\" else quote
        elif character in "'\"" and text[:at].rstrip()[-1:] in ("", *",:[{"):  # O'Brien has none
            quote = character
        elif character in "[{":
            depth += 1
        elif character in "]}":
            depth -= 1
        elif character == "," and depth == 0:
            yield text[start:at].strip()
            start = at + 1
    yield text[start:].strip()
