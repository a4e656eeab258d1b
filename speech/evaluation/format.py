"""The format of a report's numbers in every view of it: a metric in %, with its 95 % interval in brackets."""

from __future__ import annotations

from collections.abc import Sequence

from speech.common.counting import counted
from speech.common.escape import printable
from speech.evaluation.detection import DetectionReport
from speech.evaluation.learning import Unlearnt
from speech.evaluation.lists import Lists
from speech.evaluation.metrics import Metric, Scores
from speech.evaluation.report import NarrowBand
from speech.evaluation.spotting import PAUSE_S, SpottingReport

COLUMNS = ("clips", "speakers", "closed-set accuracy %", "exact match %", "CER %")  # the columns of ``cells``
FEW = 10  # speakers: an interval over fewer is wide, and says little about other people
INTERVALS = f"95 % intervals: cluster-robust by speaker, joined with Wilson's; few: under {FEW} speakers."


def number(metric: Metric | None) -> str:
    """``98.21 [97.0, 99.1]``, for a column with % in its heading."""
    return f"{100 * metric.value:.2f} [{100 * metric.low:.1f}, {100 * metric.high:.1f}]" if metric else "-"


def percent(metric: Metric) -> str:
    """``98.21 % [97.0, 99.1]``, for a sentence."""
    return f"{100 * metric.value:.2f} % [{100 * metric.low:.1f}, {100 * metric.high:.1f}]"


def points(metric: Metric | None) -> str:
    """``+1.20 [-0.3, +2.7]``: a difference in percentage points, for a column whose heading says so."""
    return f"{100 * metric.value:+.2f} [{100 * metric.low:+.1f}, {100 * metric.high:+.1f}]" if metric else "-"


def in_lists(lists: Lists) -> str:
    """The lists in which the closed-set accuracy was measured, for a sentence."""
    if lists.length == lists.n_names:
        return f"in a list of {counted(lists.length, 'name')}" if lists.length else "without a list"
    return f"in lists of {counted(lists.length, 'name')}, drawn from {lists.n_names}"


def narrow_band(narrow: NarrowBand, n_clips: int) -> str:
    """A sentence on how many of ``n_clips`` lack frequencies that the recogniser uses."""
    rates, highest_khz = ", ".join(map(str, narrow.rates_hz)), max(narrow.rates_hz) / 2000
    were = "was" if narrow.n_clips == 1 else "were"
    return (
        f"Narrow band: {narrow.n_clips} of {counted(n_clips, 'clip')} {were} recorded at {rates} Hz: they lack the "
        f"sounds above {highest_khz:.3g} kHz, which distinguish names, and are recognised less well."
    )


def accuracy(scores: Scores) -> str:
    """``closed-set accuracy 98.21 % [97.0, 99.1] of 120 clips``, or the exact match if there is no list."""
    if scores.closed_set_accuracy:
        return f"closed-set accuracy {percent(scores.closed_set_accuracy)} of {counted(scores.n_in_list, 'clip')}"
    return f"exact match {percent(scores.exact_match)} of {counted(scores.n_clips, 'clip')}"


def speakers(n: int) -> str:
    """``84``, or ``4 (few)``."""
    return f"{n} (few)" if n < FEW else str(n)


def by_speakers(n: int) -> str:
    """``by 84 speakers``, or ``by 4 (few) speakers``."""
    return f"by {counted(n, '(few) speaker' if n < FEW else 'speaker')}"


def stated_rates(one: DetectionReport) -> list[list[str]]:
    """A table of the rates at the thresholds for stated false-accept rates, its heading first."""
    found = [["FAR stated, %", "threshold", "others accepted %", "listed refused %"]]
    for point in one.stated_rates:
        stated = f"{100 * float(point.stated):g}{' (shipped)' if point.shipped else ''}"
        found.append(
            [stated, f"{point.threshold:.3f}", number(point.false_accept_rate), number(point.false_reject_rate)]
        )
    return found


def trials(kind: str, one: DetectionReport) -> str:
    """A sentence on the trials of a ``DetectionReport``."""
    return (
        f"Refusal of {counted(one.n_listed, 'clip')} of listed names {by_speakers(one.n_listed_speakers)}, acceptance "
        f"of {counted(one.n_others, 'other')} ({kind}) {by_speakers(one.n_others_speakers)}; equal error rate "
        f"{100 * one.equal_error_rate:.1f} %."
    )


def spotting(one: SpottingReport) -> str:
    """A sentence on the names found in the long recording."""
    alarms, n_clips = one.false_alarms_per_hour, one.n_listed + one.n_others
    return (
        f"Spotting of {counted(one.n_names, 'name')} in a recording of {counted(n_clips, 'clip')} {PAUSE_S[0]:g} to "
        f"{PAUSE_S[1]:g} s apart ({60 * one.hours:.1f} minutes): {percent(one.recall)} of "
        f"{counted(one.n_listed, 'clip')} of these names {by_speakers(one.n_listed_speakers)} are found, a median of "
        f"{one.latency_ms:.0f} ms after their end (95 % within {one.latency_95_ms:.0f}); false alarms an hour, of all "
        f"names together, among {counted(one.n_others, 'other clip')}: {alarms.value:.1f} "
        f"[{alarms.low:.1f}, {alarms.high:.1f}]."
    )


def cells(scores: Scores) -> list[str]:
    """A table row, with the columns of COLUMNS."""
    metrics = (scores.closed_set_accuracy, scores.exact_match, scores.cer)
    return [str(scores.n_clips), speakers(scores.n_speakers), *map(number, metrics)]


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns of plain text, the first left-aligned, the others right-aligned."""
    rows = [list(map(printable, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        for row in rows
    ]
    return "\n".join("  ".join(line) for line in lines)


def unlearnt(found: Unlearnt) -> str:
    """The result of a training in which nothing was learnt, and what to do."""
    clips = counted(found.n_clips, "validation clip")
    measured = f"the name is first in {found.n_correct} of {clips}, chance gives {found.chance * found.n_clips:.0f}"
    if found.n_silent == found.n_clips:
        measured = f"none of {clips} has a letter, only blanks"
    return (
        f"not learnt: {measured}: train longer ({found.way_out}); if that fails, give more clips of each name, or "
        "names that differ more"
    )
