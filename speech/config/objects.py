"""Makes the object that the ``_target_`` of a config's node names: the only place where Hydra makes objects.

A config may come from a stranger, as a run's folder can, so its targets are checked before anything is imported.
Allowed are the targets in the project's own ``conf/``, torch's optimisers and schedules, and the packages that the
command line trusts (``trust=[mypackage]``).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import hydra
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from speech.common.trust import NotTrustedError, defined_in_trusted, is_trusted, way_out
from speech.config.tree import CONF, ConfigError

UNAVAILABLE = (OSError, ValueError, ImportError, hydra.errors.HydraException, OmegaConfBaseException)  # a node's errors
_TORCH = re.compile(r"torch\.optim\.(lr_scheduler\.)?[A-Z]\w*")

logging.getLogger("hydra.utils").disabled = True  # it logs the errors that it raises


class UntrustedConfigError(ConfigError, NotTrustedError):
    """A config names a target that needs an opt-in."""


@cache
def named_targets() -> frozenset[str]:
    """Every ``_target_`` that a YAML of the project names."""
    texts = (path.read_text(encoding="utf-8") for path in CONF.rglob("*.yaml"))
    return frozenset(target for text in texts for target in re.findall(r"\b_target_: ([\w.]+)", text))


def instantiate(node: Any, **arguments: Any) -> Any:
    """The object of ``node`` and its children, with ``arguments`` added; None for None.

    Raises the errors of the class, ConfigError for a target that is not allowed, and HydraException if there is no such
    class; all of them are in ``UNAVAILABLE``.
    """
    # Resolved, since an interpolation can create a node that was not there when the config was checked.
    for value in values(OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node):
        if isinstance(value, dict) and "_target_" in value:
            try:
                locate(value["_target_"])
            except (AttributeError, ImportError, ValueError) as error:
                raise ConfigError(f"_target_ {value['_target_']!r} cannot be made ({error})") from error
        if isinstance(value, str) and "${" in value:  # Hydra would resolve it again
            raise ConfigError(f"{value!r} refers to nothing: a value must not begin with a dollar sign and a brace")
    return hydra.utils.instantiate(node, **arguments)


def locate(target: Any) -> Any:
    """The class or function with the dotted name ``target``.

    Raises ConfigError, before anything is imported, for a target that is neither in the project's configs nor in a
    trusted package, and AttributeError, ImportError or ValueError if it does not exist.
    """
    if not isinstance(target, str):
        raise ConfigError("not a dotted name")
    named, optional = target in named_targets(), _TORCH.fullmatch(target)
    if not (named or optional or is_trusted(target)):
        if target.startswith("speech."):
            raise ConfigError("no config of the project names it")
        raise UntrustedConfigError(
            f"no config of the project names it, and it is not an optimiser or a schedule of torch; {way_out(target)}"
        )
    found = hydra.utils.get_object(target)
    of_torch = isinstance(found, type) and found.__module__.startswith("torch.optim.")
    if not (named or (optional and of_torch) or defined_in_trusted(found)):
        raise ConfigError("it is only imported there and defined elsewhere")
    return found


def values(node: Any) -> Iterator[Any]:
    """``node``, which is plain data, and everything in it."""
    yield node
    if isinstance(node, dict | list):
        for child in node.values() if isinstance(node, dict) else node:
            yield from values(child)
