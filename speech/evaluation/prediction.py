"""What a recogniser predicts for each clip of a corpus."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from tqdm import tqdm

from speech.audio.snr import estimate_snr_db
from speech.data.dataset import Batch
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
    accent: str = ""  # BCP 47, "" where it is not known
    duration_s: float | None = None  # of the end-pointed clip
    snr_db: float | None = None  # an estimate: speech.audio.snr
    out_of_list: float | None = None  # probability; None without a list or a calibration

    @property
    def in_list(self) -> bool:
        """Whether there is a list, and the reference is in it."""
        return any(name == self.ref for name, _ in self.names)

    @property
    def correct(self) -> bool:
        """Whether the reference is ranked first."""
        return bool(self.names) and self.names[0][0] == self.ref


def predict_splits(
    recognizer: Recognizer, data: SpeechData, splits: Sequence[str], names: Sequence[str]
) -> dict[str, list[Prediction]]:
    """``predict`` for each of ``splits``, with the accents that the corpus states; a terminal sees how far it is."""
    found = {}
    for split in splits:
        accents = {clip.id: clip.accent for clip in data.datasets[split].clips}
        batches = tqdm(data.loader(split), desc=split, unit=" batches", disable=None, leave=False)
        predictions = predict(recognizer, batches, names)
        found[split] = [one._replace(accent=accents[one.id]) for one in predictions]
    return found


@torch.inference_mode()
def predict(recognizer: Recognizer, batches: Iterable[Batch], names: Sequence[str]) -> list[Prediction]:
    """Every clip of ``batches``, decoded by the recogniser's decoder, and ``names`` ranked for it."""
    recognizer.eval()
    alphabet, rate = recognizer.alphabet, recognizer.sample_rate
    lexicon = {alphabet.fold(name): entry for name, entry in recognizer.lexicon(names).items()}
    found = []
    for batch in batches:
        logits, n_frames = recognizer(batch.waveforms, batch.n_samples)
        for row, length in enumerate(n_frames.tolist()):
            symbols, ranked, out_of_list = recognizer.decode(recognizer.frames(logits[row, :length]), lexicon)
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
                )
            )
    return found
