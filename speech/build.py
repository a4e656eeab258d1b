"""From plain data to an object: ``{"_target_": "speech.encoder.Encoder", "n_units": 96}``.

The same form that Hydra reads, without Hydra: a recogniser's file carries its parts in it and loads where no
config folder is. Only this project's own classes are built, so that a file from elsewhere can run nothing else.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any


def build(node: Mapping[str, Any], **derived: Any) -> Any:
    """Call ``node["_target_"]`` with the node's other keys and those that are ``derived`` from other choices.

    Raises ValueError for a target outside of this project, TypeError for keys that the target does not know.
    """
    target = str(node.get("_target_", ""))
    module, _, name = target.rpartition(".")
    if not module.startswith("speech."):
        raise ValueError(f"_target_ {target!r} is not of this project: a recogniser is made of speech.* classes")
    return getattr(importlib.import_module(module), name)(
        **{key: value for key, value in node.items() if key != "_target_"}, **derived
    )
