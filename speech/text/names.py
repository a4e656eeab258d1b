"""Lists of names as people write them, with the pronunciations that they may give."""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from speech.common.counting import counted
from speech.common.escape import printable
from speech.text.alphabet import Alphabet, TextError, plain_letters

AnyText = TypeVar("AnyText", bound=str)


class Name(str):
    """A name as people write it, and ``say``: its pronunciations, each a respelling in English spelling or IPA between
    slashes (``shivawn``, ``/ʃɪˈvɔːn/``). If it is empty, the name itself is converted to phones.
    """

    say: tuple[str, ...]

    def __new__(cls, text: str, say: Sequence[str] = ()) -> Name:
        name = super().__new__(cls, text)
        name.say = tuple(say)
        return name


def spoken_texts(name: str) -> tuple[str, ...]:
    """The texts that pronounce ``name``: the pronunciations of a ``Name`` that has any, else the name itself."""
    return (isinstance(name, Name) and name.say) or (str(name),)


def spelling(name: str, alphabet: Alphabet) -> str:
    """``name`` in the letters of ``alphabet``: as it is written or, in another script, as its first respelling.

    Raises TextError if neither can be written: IPA gives no letters, by which names are ranked as well.
    """
    try:
        return alphabet.fold(name)
    except TextError as error:
        say = getattr(name, "say", ())
        respelt = next(itertools.filterfalse(is_ipa, say), None)
        if respelt is None and say:
            example = f"{name} = RESPELLING, {', '.join(say)}"
            raise TextError(f"{error} beside its IPA, since names are ranked by letters too: {example}") from error
        if respelt is None:
            raise
        return alphabet.fold(respelt)


def key(name: str, alphabet: Alphabet) -> str:
    """The key by which duplicates of ``name`` are found: its ``spelling`` or, without one, its plain characters."""
    try:
        return spelling(name, alphabet)
    except TextError:
        return plain_letters(name)


def is_ipa(text: str) -> bool:
    """Whether ``text`` is IPA between slashes, rather than a respelling."""
    return len(text) > 2 and text.startswith("/") and text.endswith("/")


def read_names(
    names: Sequence[str | Mapping[str, Any]] | Mapping[str, Any] | str,
    alphabet: Alphabet | None = None,
    unwritable: list[str] | None = None,
    labels: Collection[str] = (),
) -> list[Name]:
    """The names of a list, or of the text file ``names`` with one name per line; ``#`` begins a comment.

    A name with pronunciations is a mapping, ``{text: Siobhan, say: [shivawn, /ʃɪˈvɔːn/]}``, or a line
    ``Siobhan = shivawn, /ʃɪˈvɔːn/``. With an ``alphabet``, each name needs a ``spelling`` in it, and duplicates are
    errors. A name without a spelling is skipped if the list ``unwritable`` is given, which receives the reason. A name
    whose ``key`` is in ``labels`` needs none: recordings show how it sounds. Raises ValueError for an unreadable file,
    for an empty list with an ``alphabet``, and for wrong entries, each with its place (at most the first fifty).
    """
    found: list[Name] = []
    places: dict[str, str] = {}  # where each key first occurs
    faults = []
    for where, read in _entries(names):
        try:
            name = read()
            if _QUOTED.fullmatch(name):
                raise TextError(f"{str(name)!r} is in quotes: give the name without them")
            if len(name) > LONGEST:
                raise ValueError(f"{str(name[:20])!r}... has {len(name)} letters, and a name has at most {LONGEST}")
            if alphabet is not None:
                folded = key(name, alphabet)
                if folded not in labels:
                    spelling(name, alphabet)
                if folded in places:
                    raise ValueError(f"{name!r} is already {places[folded]}, both {folded!r}: leave one out")
                places[folded] = f"{str(name)!r} of {where}"
            found.append(name)
        except ValueError as error:
            if unwritable is not None and isinstance(error, TextError):
                unwritable.append(f"{where}: {error}")
                continue
            faults.append(f"{where}: {error}")
            if len(faults) == _MOST_FAULTS:
                raise ValueError("\n".join([*faults, "the rest was not read"])) from error
    if faults:
        raise ValueError("\n".join(faults))
    if not found and alphabet is not None:
        raise ValueError("\n".join(unwritable[:_MOST_FAULTS]) if unwritable else f"names={names}: {_EMPTY}")
    return found


def writable_names(
    names: Sequence[str | Mapping[str, Any]] | str, alphabet: Alphabet, labels: Collection[str] = ()
) -> list[Name]:
    """``read_names`` without the names that the ``alphabet`` cannot write, which are reported on stderr.

    Also raises ValueError if none is left.
    """
    unwritable: list[str] = []
    found = read_names(names, alphabet, unwritable, labels)
    for reason in unwritable[:_N_SHOWN]:
        print(printable(f"warning: {reason}; the name is left out"), file=sys.stderr)
    if (more := len(unwritable) - _N_SHOWN) > 0:
        print(f"warning: {counted(more, 'more name')} cannot be written: left out", file=sys.stderr)
    if unwritable and isinstance(names, str):
        print(printable(f"{names}: a line NAME = RESPELLING keeps the spelling of such a name"), file=sys.stderr)
    return found


def plain(names: Sequence[Name]) -> list[str | dict[str, Any]]:
    """``names`` as plain data, which ``read_names`` can read again."""
    return [{"text": str(name), "say": list(name.say)} if name.say else str(name) for name in names]


def check_corpus(config: Any) -> None:
    """Raise ValueError for faults in the names of ``config.corpus``, if it has any, before longer work begins."""
    names, letters = config.corpus.get("names"), config.alphabet
    alphabet = Alphabet(letters) if letters else Alphabet()
    for name in read_names(names, alphabet) if names else []:
        alphabet.fold(name)  # training spells a name by its own letters, not a respelling's


_LARGEST = 1 << 24  # bytes of a list
LONGEST = 200  # letters of a name: pronouncing thousands of letters takes minutes
_MOST_FAULTS = 50  # reported at once
_N_SHOWN = 10  # skipped names that are reported
_LINE_ENDS = re.compile(r"\r\n|\r|\n")  # those of editors: splitlines() would split a name at U+2028
_MARK = re.compile(r"([-*+•–—]|\d+[.)])\s")  # of a list item
_QUOTED = re.compile("['‘‛`´].*['’`´]")  # in marks that would be read as letters (apostrophes)
_SEPARATORS = {",": "comma", ";": "semicolon", "|": "bar", "\t": "tab"}
_EMPTY = "the list of names is empty: give at least one name"
Entry = tuple[str, Callable[[], Name]]  # its place, and a function that reads it


def _entries(names: Sequence[str | Mapping[str, Any]] | Mapping[str, Any] | str) -> Iterator[Entry]:
    if isinstance(names, Mapping):
        names = [names]
    if not isinstance(names, str):
        yield from ((f"names[{i}]", partial(_read_name, name)) for i, name in enumerate(names))
        return
    for number, line in enumerate(_LINE_ENDS.split(_read_text(names)), start=1):
        if text := re.sub(r"(^|\s)#.*", "", line).strip():
            yield f"{names}:{number}", partial(_read_line, text)


def _read_text(path: str) -> str:
    """The content of the text file ``path``; reads at most _LARGEST bytes, since a device may never end."""
    try:
        with Path(path).expanduser().open("rb") as file:
            content = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte
        reason = getattr(error, "strerror", None) or error
        way_out = f"a list is names=[{path}]" if "," in path else "one name a line, or a list: names=[Anna,Bob]"
        if path[:1] in ("[", "{", "'", '"') or path[-1:] in ("]", "}"):
            way_out = "close each bracket, and quote the whole: 'names=[Anna,{text: Siobhan, say: shivawn}]'"
        raise ValueError(f"names={path}: not a readable text file ({reason}): {way_out}") from error
    if len(content) > _LARGEST:
        raise ValueError(f"names={path}: over {_LARGEST} bytes: give a text file, one name a line")
    try:
        text, first = content.decode("utf-8-sig"), len(content)
    except UnicodeDecodeError as error:
        text, first = "", error.start
    wrong = content.find(b"\0", 0, first)  # in UTF-16 every second byte may be one
    if (at := first if wrong < 0 else wrong) < len(content):
        number = content.count(b"\n", 0, at) + 1
        raise ValueError(f"{path}:{number}: not UTF-8 (byte {content[at]:#x}): save it as text in UTF-8")
    return text


def _read_line(line: str) -> Name:
    if found := _MARK.match(line):
        raise ValueError(f"{line!r} begins with {found[1]!r}: give the name alone")
    text, equals, say = line.partition("=")
    if equals:
        return _read_name({"text": text.strip(), "say": say.split(",")})
    if found := re.search(r"[,;|\t]", line):
        raise ValueError(f"{line!r} has a {_SEPARATORS[found[0]]}: each name needs its own line")
    return Name(line)


def _read_name(name: str | Mapping[str, Any]) -> Name:
    if isinstance(name, str):
        return name if isinstance(name, Name) else Name(name)
    wanted = "give a text, or {text: Siobhan, say: [shivawn, /ʃɪˈvɔːn/]}"
    if not isinstance(name, Mapping) or set(name) != {"text", "say"}:
        raise ValueError(f"{name!r} is not a name: {wanted}")
    say = [name["say"]] if isinstance(name["say"], str) else name["say"]
    given = say if isinstance(say, Sequence) and all(isinstance(one, str) for one in say) else []
    texts = [one.strip() for one in given if one.strip()]
    if not isinstance(name["text"], str) or not name["text"].strip() or not texts:
        raise ValueError(f"{dict(name)} lacks its text or a pronunciation: {wanted}")
    for respelling in itertools.filterfalse(is_ipa, texts):
        try:
            Alphabet().fold(respelling)
        except TextError as error:
            raise ValueError(f"say {respelling!r}: {error}; or give IPA between slashes") from error
    return Name(name["text"].strip(), texts)


def distinct(names: Sequence[AnyText], alphabet: Alphabet) -> list[AnyText]:
    """``names`` unchanged. Raises ValueError for an empty list and for two names with the same ``key``."""
    if not names:
        raise ValueError(_EMPTY)
    seen: dict[str, str] = {}
    for name in names:
        folded = key(name, alphabet)
        if folded in seen:
            raise ValueError(f"names {seen[folded]!r} and {name!r} are both {folded!r}: leave one out")
        seen[folded] = name
    return list(names)
