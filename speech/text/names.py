"""A list of names as people write it, and the pronunciations that it gives for them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from speech.text.alphabet import Alphabet, TextError

AnyText = TypeVar("AnyText", bound=str)


class Name(str):
    """A name as people write it, and ``say``: its pronunciations, each a respelling in English spelling or IPA between
    slashes (``shivawn``, ``/ʃɪˈvɔːn/``). Without any, the name itself is converted.
    """

    say: tuple[str, ...]

    def __new__(cls, text: str, say: Sequence[str] = ()) -> Name:
        name = super().__new__(cls, text)
        name.say = tuple(say)
        return name


def ways_to_say(name: str) -> tuple[str, ...]:
    """The texts that pronounce ``name``: those that a ``Name`` gives, else the name itself."""
    return (isinstance(name, Name) and name.say) or (str(name),)


def is_ipa(text: str) -> bool:
    """Whether ``text`` is IPA between slashes, and no respelling."""
    return len(text) > 2 and text.startswith("/") and text.endswith("/")


def read_names(names: Sequence[str | Mapping[str, Any]] | str) -> list[Name]:
    """The names of a list, or of the text file ``names``, a name a line.

    A name with pronunciations is a mapping, ``{text: Siobhan, say: [shivawn, /ʃɪˈvɔːn/]}``, or a line
    ``Siobhan = shivawn, /ʃɪˈvɔːn/``. Raises ValueError for an unreadable file and for any other entry.
    """
    if not isinstance(names, str):
        return [_read_name(name, f"names[{i}]") for i, name in enumerate(names)]
    try:
        lines = Path(names).expanduser().read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"names={names}: not a readable text file ({error}): one name a line, or a list") from error
    found = []
    for number, line in enumerate(lines, start=1):
        text, equals, say = line.partition("=")
        if equals:
            found.append(_read_name({"text": text.strip(), "say": say.split(",")}, f"{names}:{number}"))
        elif text.strip():
            found.append(Name(text.strip()))
    return found


def plain(names: Sequence[Name]) -> list[str | dict[str, Any]]:
    """``names`` as plain data, from which ``read_names`` makes them again."""
    return [{"text": str(name), "say": list(name.say)} if name.say else str(name) for name in names]


def _read_name(name: str | Mapping[str, Any], where: str) -> Name:
    if isinstance(name, str):
        return name if isinstance(name, Name) else Name(name)
    wanted = "give a text, or {text: Siobhan, say: [shivawn, /ʃɪˈvɔːn/]}"
    if not isinstance(name, Mapping) or set(name) != {"text", "say"}:
        raise ValueError(f"{where}: {name!r} is no name: {wanted}")
    ways = [name["say"]] if isinstance(name["say"], str) else list(name["say"])
    ways = [way.strip() for way in ways if isinstance(way, str) and way.strip()]
    if not isinstance(name["text"], str) or not name["text"].strip() or not ways:
        raise ValueError(f"{where}: {dict(name)} lacks its text or a pronunciation: {wanted}")
    for respelling in itertools.filterfalse(is_ipa, ways):
        try:
            Alphabet().fold(respelling)
        except TextError as error:
            raise ValueError(f"{where}: say {respelling!r}: {error}; or give IPA between slashes") from error
    return Name(name["text"].strip(), ways)


def distinct(names: Sequence[AnyText], alphabet: Alphabet) -> list[AnyText]:
    """``names`` unchanged. Raises ValueError for an empty list and for two names that fold to the same text."""
    if not names:
        raise ValueError("the list of names is empty: give at least one name")
    seen: dict[str, str] = {}
    for name in names:
        folded = alphabet.fold(name)
        if folded in seen:
            raise ValueError(f"names {seen[folded]!r} and {name!r} are both {folded!r}: leave one out")
        seen[folded] = name
    return list(names)
