"""Command lines without Hydra: ``key=value``, as Hydra's are written, parsed by argparse."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import NoReturn, TypeVar

Value = TypeVar("Value")


class Parser(argparse.ArgumentParser):
    """argparse's, for which ``key=value`` is ``--key=value``. Raises ValueError for what it does not know."""

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
    """What ``kind`` makes of a text; of ``null``, as in Hydra's arguments, nothing."""

    def read(text: str) -> Value | None:
        return None if text == "null" else kind(text)

    read.__name__ = kind.__name__  # which argparse says where a text is refused
    return read


def count(least: int, most: int) -> Callable[[str], int]:
    """Reads integers within ``least`` to ``most``."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{text!r} must be an integer within {least} to {most}")
        return number

    return read


def texts(text: str) -> list[str] | str:
    """The texts of ``[one,two]``; any other text is a file's name, and stays as it is. None is a mapping."""
    if not (text.startswith("[") and text.endswith("]")):
        return text
    if "{" in text:
        raise argparse.ArgumentTypeError(
            f"{text} has a {{: pronunciations stand in a text file, Siobhan = shivawn a line"
        )
    return [one.strip().strip("\"'") for one in text[1:-1].split(",") if one.strip()]
