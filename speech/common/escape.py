"""Text that users or strangers write, as text: on a terminal, in a table, in a picture."""

from __future__ import annotations

import unicodedata

_JOINERS = "\u200c\u200d"  # invisible letters of Persian and of Indian scripts


def printable(text: object) -> str:
    r"""``text`` on one line, as it is: what would move a cursor, colour, turn or break a line is shown as ``\x1b``.

    That is what Unicode calls control, format, surrogate and unassigned characters, and separators of lines.
    """
    shown = str(text)
    if shown.isprintable():
        return shown
    return "".join(one if one.isprintable() or _is_harmless(one) else _escaped(one) for one in shown)


def printable_lines(text: object) -> str:
    """``printable`` of each line of ``text``."""
    return "\n".join(map(printable, str(text).split("\n")))


def escape_mathtext(text: str) -> str:
    r"""``text`` for matplotlib to show as it is: between two ``$`` it would typeset mathematics."""
    return printable(text).replace("$", r"\$")


def _is_harmless(character: str) -> bool:
    return character in _JOINERS or unicodedata.category(character) == "Zs"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
