"""What a corpus is made from: a source lists its clips, and renders each when it is asked to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from speech.audio.files import Waveform
from speech.text.alphabet import Alphabet


@dataclass(frozen=True)
class Item:
    """One clip to be: ``id`` is unique and can be a file's name; ``text`` is the name as people write it."""

    id: str
    text: str
    speaker: str
    accent: str  # BCP 47, "" where it is not known
    split: str  # train, val, or test...
    weight: float = field(default=1.0, kw_only=True)  # how often an epoch hears it
    say: str = field(default="", kw_only=True)  # what was read aloud (a respelling, IPA between slashes); "" the text


@dataclass(frozen=True)
class Refusal:
    """A clip that is not in the corpus, and why."""

    clip: str
    reason: str

    def __str__(self) -> str:
        return self.reason if self.clip in self.reason else f"{self.clip}: {self.reason}"


class CorpusError(ValueError):
    """No corpus can be made of this; the message says what would do."""


AnyItem = TypeVar("AnyItem", bound=Item)


class Source(Protocol[AnyItem]):
    """Where clips come from. Pickled to the processes that render."""

    name: str  # of its folder in the cache
    names: list[str] | None  # to choose from; None: every text that its clips say

    @property
    def identity(self) -> str:
        """Changes whenever the same item would be rendered as another sound."""
        ...

    def items(self, alphabet: Alphabet) -> tuple[list[AnyItem], list[Refusal]]:
        """Every clip there is to render, in a fixed order, and those that were refused on sight."""
        ...

    def render(self, item: AnyItem, sample_rate: int) -> Waveform:
        """The clip's waveform. Raises AudioError or VoiceError where there is none."""
        ...
