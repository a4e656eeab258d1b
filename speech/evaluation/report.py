"""What a recogniser hears in a corpus, judged, printed as a table, and written to ``report.json``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from speech.audio.snr import estimate_snr_db
from speech.data.dataset import Batch
from speech.evaluation.metrics import Prediction, confusions, figures, groups, least_right, worst_group
from speech.evaluation.open_set import acceptance
from speech.evaluation.provenance import UNSEEN, met
from speech.model.recognizer import Recognizer

if TYPE_CHECKING:
    from speech.data.datamodule import SpeechData

SHOWN_FIRST = ("martin", "marvin", "morton", "mark")
N_RANKED = 3  # names a line
N_CONFUSIONS = 8  # that are printed
N_GROUPS = 12  # of a kind, that are printed: the worst, where there are more


def predict_splits(
    recognizer: Recognizer, data: SpeechData, splits: Sequence[str], names: Sequence[str]
) -> dict[str, list[Prediction]]:
    """``hear`` of each of ``splits``, and what the corpus knows of each clip."""
    found = {}
    for split in splits:
        heard = predict(recognizer, data.loader(split), names)
        accents = {clip.id: clip.accent for clip in data.datasets[split].clips}
        found[split] = [one._replace(accent=accents[one.id]) for one in heard]
    return found


@torch.inference_mode()
def predict(recognizer: Recognizer, batches: Iterable[Batch], names: Sequence[str]) -> list[Prediction]:
    """Every clip of ``batches`` as the recogniser's decoder reads it, and ``names`` ranked for it."""
    recognizer.eval()
    alphabet = recognizer.alphabet
    lexicon = {alphabet.fold(name): entry for name, entry in recognizer.lexicon(names).items()}
    heard = []
    for batch in batches:
        logits, n_frames = recognizer(batch.waveforms, batch.n_samples)
        for row, length in enumerate(n_frames.tolist()):
            symbols, ranked, none = recognizer.read(recognizer.frames(logits[row, :length]), lexicon)
            waveform = batch.waveforms[row, : batch.n_samples[row]].numpy()
            one = Prediction(
                batch.ids[row], batch.speakers[row], batch.texts[row], alphabet.decode(symbols), ranked, none=none
            )
            seconds, snr_db = len(waveform) / recognizer.sample_rate, estimate_snr_db(waveform, recognizer.sample_rate)
            heard.append(one._replace(seconds=seconds, snr_db=snr_db))
    return heard


def table(heard: Sequence[Prediction], n_others: int = 8) -> str:
    """One clip of each of the names that people confuse, and of ``n_others``; wrong ones come first among those."""
    chosen: dict[str, Prediction] = {}
    for one in sorted(heard, key=lambda one: (one.text not in SHOWN_FIRST, one.text == one.letters, one.id)):
        chosen.setdefault(one.text, one)
    first = [chosen.pop(text) for text in SHOWN_FIRST if text in chosen]
    lines = [f"{'said':<12} {'heard':<14} names, by probability"]
    for one in first + list(chosen.values())[:n_others]:
        ranked = ", ".join(f"{name} {probability:.3f}" for name, probability in one.names[:N_RANKED])
        lines.append(f"{one.text:<12} {one.letters or '-':<14} {ranked}   [{one.speaker}]")
    return "\n".join(lines)


def by_group(found: Mapping[str, Any]) -> str:
    """What ``judged`` found, in lines: by name, speaker and all else that there are two or more of."""
    tables = []
    for kind, some in ({"name": found["names"]} | found["groups"]).items():
        if len(some) > 1:
            shown, title = some, kind
            if len(some) > N_GROUPS:
                shown, title = least_right(some, N_GROUPS), f"{kind} (worst of {len(some)})"
            tables.append("\n".join(_rows(title, shown)))
    return "\n\n".join(tables)


def _rows(title: str, figures: Mapping[str, Mapping[str, Any]]) -> list[str]:
    lines = [f"{title:<28} {'clips':>6} {'right within list':>26} {'letter-perfect':>26} {'CER':>25}"]
    for label, one in figures.items():
        cells = (_cell(one, "closed_set_accuracy", 26), _cell(one, "exact_match", 26), _cell(one, "cer", 25))
        lines.append(" ".join([f"{label:<28} {one['n_clips']:>6}", *cells]))
    return lines


def summary(found: Mapping[str, Any]) -> str:
    """What ``judged`` found, in lines: each split, the worst group, the confusions, and what a threshold would do."""
    lines = _rows("split", found["splits"])
    lines.append("95 % intervals, speakers drawn whole; unseen in training: " + _unseen(found["splits"]))
    if worst := found["worst_group"]:
        figure = worst["figure"]
        shown = f"{figure.replace('_', ' ')} {_cell(worst, figure)}, {worst['n_clips']} clips"
        lines.append(f"worst group: {worst['kind']} {worst['group']}: {shown}")
    if found["confusions"]:
        some = found["confusions"][:N_CONFUSIONS]
        lines.append("confused: " + ", ".join(f"{one['said']} > {one['heard']} {one['n']}" for one in some))
    if point := (found["acceptance"] or {}).get("operating_point"):
        lines.append(
            f"of {found['acceptance']['n_listed']} clips of the list {_cell(point, 'correct_accept_rate')} accepted, "
            f"of {found['acceptance']['n_not_listed']} others {_cell(point, 'false_accept_rate')} accepted "
            f"(threshold {point['threshold']:.3g}, the best for these clips)"
        )
    return "\n".join(lines)


def summary_of_difference(found: Mapping[str, Any]) -> str:
    """What ``compare.compared`` found, in lines: ours less theirs, in points of 100."""
    lines = [f"{'ours less theirs':<44} {'clips':>6} {'right within list':>26} {'p':>9} {'CER':>26}"]
    kinds = {
        "split": found["splits"],
        **{kind: found["groups"][kind] for kind in ("accent", "engine", "snr", "length")},
    }
    rows = {"all": found} | {f"{kind} {group}": one for kind, some in kinds.items() for group, one in some.items()}
    for label, one in rows.items():
        figure = "closed_set_accuracy" if "closed_set_accuracy" in one else "exact_match"
        cells = (_points(one, figure), f"{one[f'{figure}_p']:>9.2g}", _points(one, "cer"))
        lines.append(" ".join([f"{label:<44} {one['n_clips']:>6}", *cells]))
    lines.append(
        "95 % intervals, paired, speakers drawn whole; p by McNemar's exact test; "
        f"{found['n_left_out']} clips that only one could hear are left out"
    )
    return "\n".join(lines)


def _points(found: Mapping[str, Any], figure: str) -> str:
    low, high = (100 * end for end in found[f"{figure}_interval"])
    return f"{f'{100 * found[figure]:+.2f} ({low:+.1f} to {high:+.1f})':>26}"


def _cell(found: Mapping[str, Any], figure: str, width: int = 0) -> str:
    if figure not in found:
        return f"{'-':>{width}}"
    low, high = found[f"{figure}_interval"]
    return f"{f'{found[figure]:.2%} ({low:.1%} to {high:.1%})':>{width}}"


def _unseen(splits: Mapping[str, Mapping[str, Any]]) -> str:
    """Which of the splits hold nobody, or nothing, that training met."""
    said = [
        f"{' and '.join(unseen)} of {split}"
        for split, one in splits.items()
        if (unseen := [what for what, how in one["met"].items() if how == UNSEEN])
    ]
    return ", ".join(said) or "nothing that is known to be"


def evaluate(
    splits: Mapping[str, Sequence[Prediction]], trained_on: Mapping[str, Sequence[str]] | None = None
) -> dict[str, object]:
    """The figures of all clips together, then by split, of the names that people confuse, by name and by other groups.

    ``groups`` holds those of each of ``metrics.KINDS``; ``worst_group``, ``confusions`` and ``acceptance`` are of all
    clips. ``trained_on`` is what the recogniser says that it was trained on: each group says whom of it was ``met``.
    """
    every = [one for heard in splits.values() for one in heard]
    confusable = [one for one in every if one.text in SHOWN_FIRST]

    def of(heard: Sequence[Prediction]) -> dict[str, Any]:
        return figures(heard) | {"met": met(heard, trained_on)}

    found = {split: of(heard) for split, heard in splits.items()}
    texts: dict[str, list[Prediction]] = {text: [] for text in sorted({one.text for one in every})}
    for one in every:
        texts[one.text].append(one)
    names = {text: of(heard) for text, heard in texts.items()}
    by_kind = {kind: {group: of(heard) for group, heard in some.items()} for kind, some in groups(every).items()}
    worst = worst_group({"split": found, "name": names, **by_kind})
    if confusable:
        found[", ".join(SHOWN_FIRST)] = of(confusable)
    return of(every) | {
        "splits": found,
        "names": names,
        "groups": by_kind,
        "worst_group": worst,
        "confusions": confusions(every),
        "acceptance": acceptance(every),
    }
