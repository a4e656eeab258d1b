"""Dataclasses read back from JSON: keys and value types are checked, and nothing may be unknown or missing."""

from __future__ import annotations

import dataclasses
import types
from typing import Any, get_args, get_origin, get_type_hints


def typed(kind: Any, content: Any, where: str = "report") -> Any:
    """``content``, written by ``dataclasses.asdict`` and JSON, as ``kind``: a dataclass, list, dict, union or value.

    Raises ValueError, naming the place in the content, for content of another kind.
    """
    origin, inside = get_origin(kind), get_args(kind)
    if dataclasses.is_dataclass(kind) and isinstance(content, dict):
        hints = get_type_hints(kind)
        if wrong := sorted(content.keys() ^ hints.keys()):
            raise ValueError(f"{where}: {', '.join(wrong)} missing or unknown")
        made: Any = kind
        return made(**{key: typed(hint, content[key], f"{where}.{key}") for key, hint in hints.items()})
    if origin is list and isinstance(content, list):
        return [typed(inside[0], one, f"{where}[{i}]") for i, one in enumerate(content)]
    if origin is dict and isinstance(content, dict):
        return {key: typed(inside[1], one, f"{where}.{key}") for key, one in content.items()}
    if origin is types.UnionType:
        *others, last = [one for one in inside if (one is types.NoneType) == (content is None)] or inside
        for one in others:
            try:
                return typed(one, content, where)
            except ValueError:
                continue
        return typed(last, content, where)
    if kind is Any or type(content) is kind:
        return content
    if kind is float and type(content) is int:
        return float(content)
    raise ValueError(f"{where}: {str(content)[:40]!r} where {getattr(kind, '__name__', kind)} is expected")
