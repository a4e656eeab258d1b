"""Text that users write, as the text of a picture."""

from __future__ import annotations


def escape_mathtext(text: str) -> str:
    r"""``text`` for matplotlib to show as it is: between two ``$`` it would typeset mathematics."""
    return text.replace("$", r"\$")
