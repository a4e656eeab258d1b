"""A recogniser's predictions for the clips of a corpus."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from tqdm import tqdm

from speech.audio.quality import band_faults
from speech.audio.snr import estimate_snr_db
from speech.data.dataset import Batch
from speech.evaluation.lists import lexicons_of
from speech.inference.scoring import Entry, LogProbs
from speech.model.recognizer import Recognizer

if TYPE_CHECKING:
    from speech.data.datamodule import SpeechData


class Prediction(NamedTuple):
    """One clip's reference and hypothesis, both in the recogniser's alphabet, and the list ranked for it."""

    id: str
    speaker: str
    ref: str
    hyp: str
    names: list[tuple[str, float]]  # in the alphabet, with their probabilities, best first; empty without a list
    accent: str = ""  # BCP 47, "" if unknown
    duration_s: float | None = None  # of the end-pointed clip
    snr_db: float | None = None  # an estimate: speech.audio.snr
    out_of_list: float | None = None  # probability; None without a list or a calibration
    out_of_list_without: float | None = None  # for the list without the reference; None if not in it, or alone in it
    narrow_hz: int | None = None  # the rate of a recording that lacks frequencies that the recogniser uses

    @property
    def in_list(self) -> bool:
        """Whether there is a list, and the reference is in it."""
        return any(name == self.ref for name, _ in self.names)

    @property
    def correct(self) -> bool:
        """Whether the reference is ranked first."""
        return bool(self.names) and self.names[0][0] == self.ref


def predict_splits(
    recognizer: Recognizer, data: SpeechData, splits: Sequence[str], lists: Sequence[Sequence[str]]
) -> dict[str, list[Prediction]]:
    """``predict`` for each of ``splits``, with the corpus's metadata of its clips; shows progress in a terminal."""
    found = {}
    for split in splits:
        known = {clip.id: (clip.accent, _narrow_hz(clip.rate, recognizer)) for clip in data.datasets[split].clips}
        batches = tqdm(data.loader(split), desc=split, unit=" batches", disable=None, leave=False)
        predictions = predict(recognizer, batches, lists)
        found[split] = [
            one._replace(accent=accent, narrow_hz=narrow_hz)
            for one in predictions
            for accent, narrow_hz in [known[one.id]]
        ]
    return found


def _narrow_hz(rate: int, recognizer: Recognizer) -> int | None:
    return rate if rate and band_faults(rate, recognizer.sample_rate) else None


@torch.inference_mode()
def predict(recognizer: Recognizer, batches: Iterable[Batch], lists: Sequence[Sequence[str]]) -> list[Prediction]:
    """Every clip of ``batches``, decoded by the recogniser's decoder, and with a list ranked for it.

    That list is the first of ``lists``, at least one, that contains the clip's name, or the very first if none does.
    """
    recognizer.eval()
    alphabet, rate = recognizer.alphabet, recognizer.sample_rate
    lexicons, list_of = lexicons_of(recognizer, lists)
    found = []
    for batch in batches:
        if batch.spare:
            continue
        logits, n_frames = recognizer(batch.waveforms, batch.n_samples)
        for row, length in enumerate(n_frames.tolist()):
            lexicon = lexicons[list_of.get(batch.texts[row], 0)]
            log_probs = recognizer.frames(logits[row, :length])
            symbols, ranked, out_of_list = recognizer.decode(log_probs, lexicon)
            waveform = batch.waveforms[row, : batch.n_samples[row]].numpy()
            found.append(
                Prediction(
                    batch.ids[row],
                    batch.speakers[row],
                    ref=batch.texts[row],
                    hyp=alphabet.decode(symbols),
                    names=ranked,
                    duration_s=len(waveform) / rate,
                    snr_db=estimate_snr_db(waveform, rate),
                    out_of_list=out_of_list,
                    out_of_list_without=_without(recognizer, log_probs, lexicon, ranked, batch.texts[row]),
                )
            )
    return found


def _without(
    recognizer: Recognizer,
    log_probs: LogProbs,
    lexicon: Mapping[str, Entry],
    ranked: Sequence[tuple[str, float]],
    ref: str,
) -> float | None:
    """``Prediction.out_of_list_without``: the out-of-list probability for the best of the other names."""
    others = [name for name, _ in ranked if name != ref]
    if recognizer.rejection is None or not others or len(others) == len(ranked):
        return None
    evidence = recognizer.evidence(log_probs, [lexicon[others[0]]], [len(others)])
    return recognizer.rejection.probability(evidence[0])
