"""Escapes text from users or strangers for display: on a terminal, in a table, in a picture."""

from __future__ import annotations

import unicodedata
from typing import Any

_JOINERS = "\u200c\u200d"  # invisible letters of Persian and of Indian scripts


def printable(text: object) -> str:
    r"""``text`` on one line, with characters that could move the cursor, colour, reverse or break a line as ``\x1b``.

    These are Unicode's control, format, surrogate and unassigned characters, and its line separators.
    """
    shown = str(text)
    if shown.isprintable():
        return shown
    return "".join(one if one.isprintable() or _is_harmless(one) else _escaped(one) for one in shown)


def printable_lines(text: object) -> str:
    """``printable`` of each line of ``text``."""
    return "\n".join(map(printable, str(text).split("\n")))


def printable_data(node: Any) -> Any:
    """Plain data with each text in it ``printable``."""
    if isinstance(node, dict):
        return {key: printable_data(value) for key, value in node.items()}
    if isinstance(node, list):
        return [printable_data(value) for value in node]
    return printable(node) if isinstance(node, str) else node


def escape_mathtext(text: str) -> str:
    r"""``text`` for matplotlib to show unchanged: between two ``$`` it would typeset mathematics."""
    return printable(text).replace("$", r"\$")


def _is_harmless(character: str) -> bool:
    return character in _JOINERS or unicodedata.category(character) == "Zs"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
