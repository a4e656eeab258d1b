"""Builds an object from plain data: ``{"_target_": "speech.model.encoder.Encoder", "n_units": 96}``.

This is Hydra's form, read without Hydra: a recogniser's file contains its parts and loads without a config folder. Each
part has to be a class of one given module, or of a trusted package, so that a file from a stranger can call nothing
else.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from speech.common.trust import NotTrustedError, defined_in_trusted, is_trusted, way_out

FRONTEND, ENCODER, DECODER = "speech.model.frontend", "speech.model.encoder", "speech.inference.decode"


def build(node: Mapping[str, Any], module: str, **derived: Any) -> Any:
    """An instance of ``node["_target_"]``, a class that ``module`` defines, made from the node's other keys and from
    the arguments ``derived`` from other choices.

    Raises ValueError for any other target (NotTrustedError for a target of another package), TypeError for keys that
    the class does not know.
    """
    if not isinstance(node, Mapping):
        raise TypeError(f"{node!r} is not a _target_ and its arguments")
    target = str(node.get("_target_", ""))
    place, _, name = target.rpartition(".")
    found = getattr(importlib.import_module(place), name, None) if place == module or is_trusted(target) else None
    own = isinstance(found, type) and (found.__module__ == module or defined_in_trusted(found))
    if found is None or not own:  # a class that the module only imports does not count
        reason = f"_target_ {target!r} is not a part of a recogniser: here it has to be a class of {module}"
        if found is None and place and not target.startswith("speech.") and not is_trusted(target):
            raise NotTrustedError(f"{reason}; {way_out(target)}")
        raise ValueError(reason)
    return found(**{key: value for key, value in node.items() if key != "_target_"}, **derived)
