"""Command lines without Hydra: ``key=value``, in Hydra's form, parsed by argparse."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import NoReturn, TypeVar

Value = TypeVar("Value")


class Parser(argparse.ArgumentParser):
    """argparse's parser that reads ``key=value`` as ``--key=value``. Raises ValueError for unknown arguments."""

    def __init__(self, prog: str, description: str) -> None:
        super().__init__(prog, description=description, allow_abbrev=False)

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        return self.parse_args([one if one.startswith("-") or "=" not in one else f"--{one}" for one in arguments])

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message.replace('--', '')}: {self.prog} --help")


def boolean(text: str) -> bool:
    """``true`` or ``false``. Raises ValueError for any other text."""
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def or_null(kind: Callable[[str], Value]) -> Callable[[str], Value | None]:
    """Converts a text with ``kind``, but ``null`` to None, as in Hydra's arguments."""

    def read(text: str) -> Value | None:
        return None if text == "null" else kind(text)

    read.__name__ = kind.__name__  # argparse shows it when it rejects a text
    return read


def count(least: int, most: int) -> Callable[[str], int]:
    """A converter of integers from ``least`` to ``most``."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{text!r} must be an integer from {least} to {most}")
        return number

    return read


def texts(text: str) -> list[str] | str:
    """The texts of ``[one,two]``; any other text is the name of a file and is returned unchanged."""
    if not (text.startswith("[") and text.endswith("]")):
        return text
    return [one.strip().strip("\"'") for one in text[1:-1].split(",") if one.strip()]


def names(text: str) -> list[str] | str:
    """``texts``, but refuses Hydra's mappings."""
    if text.startswith("[") and "{" in text:
        raise argparse.ArgumentTypeError(f"{text}: pronunciations belong in a text file: Siobhan = shivawn")
    return texts(text)
