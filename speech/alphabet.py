"""Letters to integers and back; symbol 0 is the CTC blank.

What comes in is any text a person may write (``Chloé``); what goes out is the text in the alphabet
(``chloe``) and its symbols (``[3, 8, 12, 15, 5]``). What cannot be folded is refused, never dropped.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

BLANK = 0
AnyText = TypeVar("AnyText", bound=str)

# Latin letters (and typographic marks) that Unicode does not decompose into a plain letter and a mark.
_PLAIN = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ð": "d", "þ": "th", "ł": "l", "đ": "d", "ħ": "h", "ı": "i"}
    | dict.fromkeys("’ʼ`´‘", "'")
    | dict.fromkeys("-‐‑–_", " ")
)


class TextError(ValueError):
    """A text that the alphabet cannot write."""


class Alphabet:
    """The letters that a recogniser can spell, in the order of its output symbols 1, 2, ...

    ``letters`` are distinct single characters; the blank is not one of them.
    """

    def __init__(self, letters: str = "abcdefghijklmnopqrstuvwxyz' ") -> None:
        if not letters or len(set(letters)) != len(letters):
            raise ValueError(f"alphabet letters must be distinct and not empty: {letters!r}")
        self.letters = letters
        self._symbol = {letter: symbol for symbol, letter in enumerate(letters, start=1)}

    def __len__(self) -> int:
        """Number of output symbols, the blank included."""
        return len(self.letters) + 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Alphabet) and other.letters == self.letters

    def __hash__(self) -> int:
        return hash(self.letters)

    def __repr__(self) -> str:
        return f"Alphabet({self.letters!r})"

    def fold(self, text: str) -> str:
        """Write ``text`` in this alphabet: lower case, marks removed, white space squeezed.

        Raises TextError, naming the text and the characters, where a character has no such form.
        """
        return _fold(str(text), self.letters)

    def encode(self, text: str) -> list[int]:
        """Symbols of ``text`` (folded first); ``n_letters`` integers in 1 ... len(self) - 1."""
        return [self._symbol[letter] for letter in self.fold(text)]

    def decode(self, symbols: Iterable[int]) -> str:
        """Letters of ``symbols``; blanks are left out, repeats are kept (collapsing is CTC's affair)."""
        return "".join(self.letters[symbol - 1] for symbol in symbols if symbol != BLANK)


@lru_cache(maxsize=1 << 16)  # a list's names are folded for every clip, a corpus's texts for every epoch
def _fold(text: str, letters: str) -> str:
    lower = text.casefold().translate(_PLAIN)
    decomposed = unicodedata.normalize("NFKD", lower)
    plain = "".join(c for c in decomposed if not unicodedata.combining(c)).translate(_PLAIN)
    folded = " ".join(plain.split())
    foreign = sorted(set(folded) - set(letters))
    if foreign:
        shown = " ".join(repr(c) for c in foreign)
        raise TextError(f"text {text!r} has {shown}, which the alphabet {letters!r} cannot write: respell it")
    if not any(c.isalpha() for c in folded):
        raise TextError(f"text {text!r} has no letter in it: write the name as it is spelt")
    return folded


def n_frames_needed(symbols: Sequence[int]) -> int:
    """Fewest frames in which CTC can write ``symbols``: one a letter, and a blank between equal neighbours."""
    return len(symbols) + sum(a == b for a, b in itertools.pairwise(symbols))


class Name(str):
    """A name as people write it, and ``say``: the ways to say it, each a respelling that an English reader would read
    right, or IPA between slashes (``shivawn``, ``/ʃɪˈvɔːn/``). Without any, a voice reads the name itself.
    """

    say: tuple[str, ...]

    def __new__(cls, text: str, say: Sequence[str] = ()) -> Name:
        name = super().__new__(cls, text)
        name.say = tuple(say)
        return name


def is_ipa(way: str) -> bool:
    """Whether ``way`` of saying a name is IPA between slashes, and no respelling."""
    return len(way) > 2 and way.startswith("/") and way.endswith("/")


def read_names(names: Sequence[str | Mapping[str, Any]] | str) -> list[Name]:
    """A list of names, or the one that the text file ``names`` holds, a name a line.

    A name that is not said as it is written is a mapping, ``{text: Siobhan, say: [shivawn, /ʃɪˈvɔːn/]}``, or a line
    ``Siobhan = shivawn, /ʃɪˈvɔːn/``. Raises ValueError for a file that cannot be read and for an entry that is neither.
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


def _read_name(name: str | Mapping[str, Any], where: str) -> Name:
    if isinstance(name, str):
        return name if isinstance(name, Name) else Name(name)
    wanted = "give a text, or {text: Siobhan, say: [shivawn, /ʃɪˈvɔːn/]}"
    if not isinstance(name, Mapping) or set(name) != {"text", "say"}:
        raise ValueError(f"{where}: {name!r} is no name: {wanted}")
    ways = [name["say"]] if isinstance(name["say"], str) else list(name["say"])
    ways = [way.strip() for way in ways if isinstance(way, str) and way.strip()]
    if not isinstance(name["text"], str) or not name["text"].strip() or not ways:
        raise ValueError(f"{where}: {dict(name)} lacks its text or a way to say it: {wanted}")
    for respelling in itertools.filterfalse(is_ipa, ways):
        try:
            Alphabet().fold(respelling)
        except TextError as error:
            raise ValueError(f"{where}: say {respelling!r}: {error}; or give IPA between slashes") from error
    return Name(name["text"].strip(), ways)


def distinct(names: Sequence[AnyText], alphabet: Alphabet) -> list[AnyText]:
    """``names`` as they are. Raises ValueError for an empty list and for two that are the same once folded."""
    if not names:
        raise ValueError("the list of names is empty: give at least one name")
    seen: dict[str, str] = {}
    for name in names:
        folded = alphabet.fold(name)
        if folded in seen:
            raise ValueError(f"names {seen[folded]!r} and {name!r} are both {folded!r}: leave one out")
        seen[folded] = name
    return list(names)
