"""Whose code a ``_target_`` may name beside the project's own: packages that the command line opted in, and no file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_packages: set[str] = set()


def trust(packages: Iterable[str]) -> None:
    """Let the ``_target_``s of configs and of recognisers' files name what ``packages`` define, from here on."""
    _packages.update(packages)


def trusted() -> list[str]:
    """The packages that were opted in, for another process."""
    return sorted(_packages)


def is_trusted(target: str) -> bool:
    """Whether ``target``, a dotted name, lies in a package that was opted in."""
    return any(target.startswith(f"{package}.") for package in _packages)


def defined_in_trusted(found: Any) -> bool:
    """Whether a class or function is a trusted package's own, and not one that it imports from elsewhere."""
    return is_trusted(f"{getattr(found, '__module__', '')}.")
