"""``listen`` for sound that a client sends: each call gives the results of the sound so far."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from itertools import takewhile

from speech.audio.files import Waveform
from speech.audio.streams import Block, Fault
from speech.inference.listening import Listed, Recognised, listen
from speech.inference.scoring import Entry
from speech.inference.transcriber import Transcriber

_WAITING = Fault("nothing more has arrived yet")  # ``listen`` passes it through, and continues at the next call


class Listener:
    """One client's stream at the transcriber's rate, with the names of ``lexicon``."""

    def __init__(self, transcriber: Transcriber, lexicon: Mapping[str, Entry]) -> None:
        self._sent: deque[Waveform | Listed] = deque()
        self._ended = False
        self._events = listen(transcriber, self._blocks(), lexicon, letters=False, false_alarms_per_hour=None)

    def _blocks(self) -> Iterator[Block | Listed]:
        while self._sent or not self._ended:
            yield self._sent.popleft() if self._sent else _WAITING

    def listen_for(self, lexicon: Mapping[str, Entry]) -> None:
        """Listen for the names of ``lexicon`` from the next waveform on, also in current speech."""
        self._sent.append(Listed(lexicon))

    def feed(self, waveform: Waveform) -> list[Recognised]:
        """The results that the next ``waveform`` ``(n_samples,)`` completes."""
        self._sent.append(waveform)
        so_far = takewhile(lambda event: event is not _WAITING, self._events)
        return [event for event in so_far if isinstance(event, Recognised)]

    def end(self, waveform: Waveform) -> list[Recognised]:
        """The results that the last ``waveform`` completes."""
        self._ended = True
        return self.feed(waveform)
