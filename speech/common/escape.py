"""What people write, as the text of a picture."""

from __future__ import annotations


def escape_mathtext(text: str) -> str:
    r"""``text`` for matplotlib to show as it is: what stands between two ``$`` it would read as mathematics."""
    return text.replace("$", r"\$")
