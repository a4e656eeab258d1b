"""``--help``: a command's page, made from the comments in its YAML.

A primary config opens with two examples, a description of the command, and the options that are used most:

    # python -m speech.transcribe clips=recordings
    # python -m speech.transcribe clips=calls/monday.wav 'names=[Anna,Bob]' json=true
    #
    # Transcribes recordings of spoken names: ...
    #
    # Most used: clips, recognizer, names, decoder, json

The meaning of an option is the comment on its line: in the primary config, in ``conf/shared``, or in a group's file.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from speech.config import lists, tree

WIDTH = 100
_MOST_USED = "Most used: "


@dataclass(frozen=True)
class Header:
    examples: list[str]  # commands as a shell takes them
    about: str
    options: list[str]  # keys and groups


@dataclass(frozen=True)
class Option:
    key: str
    default: str
    meaning: str


def header(path: Path) -> Header:
    """The content of the comment at the start of a config."""
    text = path.read_text(encoding="utf-8")
    opening = re.match(r"(#.*\n)*", text.removeprefix("# @package _global_\n"))
    assert opening is not None
    lines = [line.removeprefix("#").strip() for line in opening[0].splitlines()]
    examples, about, options = [], [], []
    for line in lines:
        if line.startswith("python -m "):
            example, _, line = line.partition(": ")
            examples.append(example)
        if line.startswith(_MOST_USED):
            options = line.removeprefix(_MOST_USED).split(", ")
        else:
            about.append(line)
    return Header(examples, " ".join(about).strip(), options)


def meaning(path: Path, key: str) -> str:
    """The comment on or above the line of ``key`` at the top level of a config or in its defaults; "" for none."""
    above: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if found := re.match(rf"(?:  - )?{re.escape(key)}:(?: [^#]*)?(?:# (.*))?$", line):
            return found[1] or " ".join(above)
        above = [*above, line.removeprefix("# ")] if line.startswith("# ") else []
    return ""


def most_used(name: str) -> list[Option]:
    """The most used options, as the primary config ``name`` lists them."""
    primary = tree.CONF / f"{name}.yaml"
    config, choices = tree.composed(name, []), tree.choices(name)
    lists.write_out(config)
    return [
        Option(key, _default(choices, config, key), _meaning(primary, choices, key)) for key in header(primary).options
    ]


def page(name: str) -> str:
    """What ``python -m speech.<name> --help`` prints."""
    top, choices = header(tree.CONF / f"{name}.yaml"), tree.choices(name)
    lines = [f"python -m speech.{name} [OPTION=VALUE ...]", "", *textwrap.wrap(top.about, WIDTH)]
    lines += ["", "The options that are used most, with their defaults:"]
    for option in most_used(name):
        lines += ["", f"  {option.key}={option.default}"]
        lines += textwrap.wrap(option.meaning, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)
    lines += ["", "Examples:", "", *(f"  {example}" for example in top.examples)]
    lines += ["", f"Every option and its default: python -m speech.{name} --cfg job"]
    if "experiment" in choices:
        lines += ["Several values, one run after the other: -m OPTION=VALUE,VALUE"]
        lines += ["An experiment of yours, DIR/experiment/NAME.yaml: --config-dir DIR experiment=NAME"]
    return "\n".join(lines)


def _default(choices: Mapping[str, Any], config: DictConfig, key: str) -> str:
    value = choices[key] if key in choices else OmegaConf.select(config, key)
    if OmegaConf.is_missing(config, key):
        return "... (required)"
    if OmegaConf.is_list(value):
        return textwrap.shorten(f"[{', '.join(map(str, value))}]", 60, placeholder=" ...]")
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _meaning(primary: Path, choices: Mapping[str, Any], key: str) -> str:
    group, _, rest = key.partition(".")
    if rest:
        return meaning(tree.CONF / group / f"{choices[group]}.yaml", rest)
    if group in choices:
        return f"{meaning(primary, key)}; one of {', '.join(tree.options(group))}"
    shared = tree.CONF / "shared" / f"{key}.yaml"
    return meaning(primary, key) or meaning(shared, key)
