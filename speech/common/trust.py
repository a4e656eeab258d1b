"""Whose code a ``_target_`` may name beside the project's own: packages that the command line opted in, and no file."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

# Of what they have, some reads pickles and some runs what it is given.
_LIBRARIES = {*sys.stdlib_module_names, "hydra", "lhotse", "lightning", "numpy", "omegaconf", "pytorch_lightning"}
_LIBRARIES |= {"torch", "torchaudio"}
_packages: set[str] = set()


class NotTrustedError(ValueError):
    """A ``_target_`` that only an opt-in could allow."""


def trust(packages: Iterable[str]) -> None:
    """Let the ``_target_``s of configs and of recognisers' files name what ``packages`` define, from here on."""
    _packages.update(packages)


def trusted() -> list[str]:
    """The packages that were opted in, for another process."""
    return sorted(_packages)


def way_out(target: str) -> str:
    """How something like ``target``, which is refused, may be named after all; a library is not suggested whole."""
    package = target.partition(".")[0]
    if package in _LIBRARIES:
        return "with trust=[mypackage] a class or function of a package of your own may make what you want of a library"
    return f"if it is your own code, add trust=[{package}] to the command"


def is_trusted(target: str) -> bool:
    """Whether ``target``, a dotted name, lies in a package that was opted in."""
    return any(target.startswith(f"{package}.") for package in _packages)


def defined_in_trusted(found: Any) -> bool:
    """Whether a class or function is a trusted package's own, and not one that it imports from elsewhere."""
    return is_trusted(f"{getattr(found, '__module__', '')}.")
