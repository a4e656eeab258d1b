"""Packages whose code a ``_target_`` may name beside the project's own: only the command line opts in, never a file."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

# Some functions of these libraries read pickles or execute their arguments.
_LIBRARIES = {*sys.stdlib_module_names, "hydra", "lhotse", "lightning", "numpy", "omegaconf", "pytorch_lightning"}
_LIBRARIES |= {"torch", "torchaudio"}
_packages: set[str] = set()


class NotTrustedError(ValueError):
    """A ``_target_`` would need an opt-in."""


def trust(packages: Iterable[str]) -> None:
    """From now on, let a ``_target_`` in a config or a recogniser's file name anything that ``packages`` define."""
    _packages.update(packages)


def trusted() -> list[str]:
    """The trusted packages, to be passed to another process."""
    return sorted(_packages)


def way_out(target: str) -> str:
    """How to allow the refused ``target``; it never suggests trusting a whole library."""
    package = target.partition(".")[0]
    if package in _LIBRARIES:
        return "with trust=[mypackage], a class or function of your own package can make any object of a library"
    return f"if it is your own code, add trust=[{package}] to the command"


def is_trusted(target: str) -> bool:
    """Whether ``target``, a dotted name, is in a trusted package."""
    return any(target.startswith(f"{package}.") for package in _packages)


def defined_in_trusted(found: Any) -> bool:
    """Whether a trusted package itself defines the class or function, rather than importing it from elsewhere."""
    return is_trusted(f"{getattr(found, '__module__', '')}.")
