"""What a recogniser hears in a corpus, judged, printed as a table, and written to ``report.json``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch

from speech.corpus.dataset import Batch
from speech.metrics import Heard, figures
from speech.recognizer import Recognizer

SHOWN_FIRST = ("martin", "marvin", "morton", "mark")
N_RANKED = 3  # names a line


@torch.inference_mode()
def hear(recognizer: Recognizer, batches: Iterable[Batch], names: Sequence[str]) -> list[Heard]:
    """Every clip of ``batches`` as the recogniser's decoder reads it, and ``names`` ranked for it."""
    recognizer.eval()
    alphabet = recognizer.alphabet
    lexicon = {alphabet.fold(name): symbols for name, symbols in recognizer.lexicon(names).items()}
    heard = []
    for batch in batches:
        logits, n_frames = recognizer(batch.waveforms, batch.n_samples)
        all_log_probs = logits.double().log_softmax(dim=2).numpy()
        for row, length in enumerate(n_frames.tolist()):
            log_probs = all_log_probs[row, :length]
            letters = alphabet.decode(recognizer.decoder(log_probs, list(lexicon.values())))
            ranked, none = recognizer.weigh(log_probs, lexicon)
            heard.append(Heard(batch.ids[row], batch.speakers[row], batch.texts[row], letters, ranked, none))
    return heard


def table(heard: Sequence[Heard], n_others: int = 8) -> str:
    """One clip of each of the names that people confuse, and of ``n_others``; wrong ones come first among those."""
    chosen: dict[str, Heard] = {}
    for one in sorted(heard, key=lambda one: (one.text not in SHOWN_FIRST, one.text == one.letters, one.id)):
        chosen.setdefault(one.text, one)
    first = [chosen.pop(text) for text in SHOWN_FIRST if text in chosen]
    lines = [f"{'said':<12} {'heard':<14} names, by probability"]
    for one in first + list(chosen.values())[:n_others]:
        ranked = ", ".join(f"{name} {probability:.3f}" for name, probability in one.names[:N_RANKED])
        lines.append(f"{one.text:<12} {one.letters or '-':<14} {ranked}   [{one.speaker}]")
    return "\n".join(lines)


def summary(splits: dict[str, dict[str, object]]) -> str:
    """The figures of each split, a line each."""
    lines = [f"{'split':<22} {'clips':>6} {'right within list':>18} {'letter-perfect':>15} {'CER':>8}"]
    for split, found in splits.items():
        right = f"{found['right_within_list']:.2%}" if "right_within_list" in found else "-"
        perfect = f"{found['letter_perfect']:.2%}"
        lines.append(f"{split:<22} {found['n_clips']:>6} {right:>18} {perfect:>15} {found['cer']:>8.2%}")
    return "\n".join(lines)


def judged(splits: dict[str, list[Heard]]) -> dict[str, object]:
    """The figures of all clips together, then by split, of the names that people confuse, and by name."""
    every = [one for heard in splits.values() for one in heard]
    confusable = [one for one in every if one.text in SHOWN_FIRST]
    found = {split: figures(heard) for split, heard in splits.items()}
    if confusable:
        found[", ".join(SHOWN_FIRST)] = figures(confusable)
    names = {text: figures([one for one in every if one.text == text]) for text in sorted({one.text for one in every})}
    return figures(every) | {"splits": found, "names": names}


def read(path: Path) -> dict[str, Any]:
    """What ``write`` wrote. Raises ValueError for a file that is missing or cut short."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: not there, or half written ({error}): has the run ended? resume it") from error
    return content


def write(path: Path, content: dict[str, object]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
