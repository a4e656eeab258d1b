"""The interface of a source of clips, which lists the clips and renders each of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from speech.audio.files import Waveform
from speech.common.escape import printable
from speech.text.alphabet import Alphabet


@dataclass(frozen=True)
class Item:
    """A clip to be rendered: ``id`` is unique and a valid file name; ``text`` is the name in its usual spelling."""

    id: str
    text: str
    speaker: str
    accent: str  # BCP 47, "" if unknown
    split: str  # train, val, or the name of a test split
    weight: float = field(default=1.0, kw_only=True)  # expected number of times in an epoch
    say: str = field(default="", kw_only=True)  # the text that was read (a respelling, IPA between slashes); "": text
    trim: bool = field(default=True, kw_only=True)  # to the loudest span of speech, for a name; not for a sentence


@dataclass(frozen=True)
class Refusal:
    """A clip that is not used, and the reason."""

    clip: str
    reason: str

    def __str__(self) -> str:
        return printable(self.reason if self.clip in self.reason else f"{self.clip}: {self.reason}")


class CorpusError(ValueError):
    """A corpus cannot be made; the message says why, and what to do."""


AnyItem = TypeVar("AnyItem", bound=Item)


class Source(Protocol[AnyItem]):
    """A source of clips. It is pickled for the processes that render."""

    name: str  # part of the name of its folder in the cache
    names: list[str] | None  # the list to choose from; None: every text of its clips

    @property
    def identity(self) -> str:
        """A string that changes whenever the sound of an item would change."""
        ...

    def items(self, alphabet: Alphabet) -> tuple[list[AnyItem], list[Refusal]]:
        """Every clip to be rendered, in a fixed order, and the clips that are already refused."""
        ...

    def render(self, item: AnyItem, sample_rate: int) -> Waveform:
        """The clip's waveform ``(n_samples,)``. Raises AudioError or VoiceError."""
        ...
