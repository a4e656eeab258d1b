"""From a config's node to the object that its ``_target_`` names: the only place where Hydra makes objects."""

from __future__ import annotations

import logging
from typing import Any

import hydra
from omegaconf.errors import OmegaConfBaseException

UNAVAILABLE = (OSError, ValueError, ImportError, hydra.errors.HydraException, OmegaConfBaseException)  # of a node

logging.getLogger("hydra.utils").disabled = True  # it logs what it raises


def instantiate(node: Any, **arguments: Any) -> Any:
    """The object of ``node`` and its children, given ``arguments`` as well; None for None.

    Raises what the class raises, and HydraException where there is no such class: ``UNAVAILABLE``, all of it.
    """
    return hydra.utils.instantiate(node, **arguments)


def locate(target: Any) -> Any:
    """The class or function of that dotted name. Raises AttributeError, ImportError, ValueError where there is none."""
    return hydra.utils.get_object(target)
