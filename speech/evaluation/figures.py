"""An evaluation as one picture: each group's accuracy with its interval, the open-set curve, and the DET curves."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from speech.common.counting import counted
from speech.common.escape import escape_mathtext
from speech.evaluation.detection import DetectionReport, probit
from speech.evaluation.format import by_speakers
from speech.evaluation.groups import worst
from speech.evaluation.metrics import Scores
from speech.evaluation.open_set import OpenSetReport
from speech.evaluation.report import EvaluationReport
from speech.evaluation.spotting import SpottingReport

N_GROUPS = 12  # the most groups of a kind that are drawn: the worst
DET_TICKS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95)
LEAST_CLIPS = 5  # in a group that is drawn
LINE = 70  # characters of the caption per panel
_COLOUR, _WORST, _SOFT = "#1a5fb4", "#b3261e", "#8a8a8a"


def panels(report: EvaluationReport) -> dict[str, Callable[[Axes], None]]:
    """The function that draws each panel, by title: for each kind of groups, points with 95 % intervals, at most the
    N_GROUPS worst; then the curves."""
    closed_set = report.overall.closed_set_accuracy is not None
    found: dict[str, Callable[[Axes], None]] = {}
    for kind, some in {"split": report.splits, **report.kinds()}.items():
        large = {
            group: one
            for group, one in some.items()
            if one.n_clips >= LEAST_CLIPS and (one.closed_set_accuracy or not closed_set)
        }
        if len(large) > (kind != "split"):
            found[f"accuracy by {kind}"] = partial(_groups, report=report, kind=kind, large=large)
    if report.open_set:
        found["open-set curve"] = partial(_open_set, found=report.open_set)
    if report.detection:
        found["DET curve of refusal"] = partial(_detection, found=report.detection)
    if report.spotting:
        found["DET curve of spotting"] = partial(_spotting, found=report.spotting)
    return found


def caption(report: EvaluationReport) -> str:
    """The caption of all panels."""
    closed_set = report.overall.closed_set_accuracy is not None
    return (
        f"{'closed-set accuracy' if closed_set else 'exact match'}, % ("
        f"{counted(report.overall.n_clips, 'clip')} {by_speakers(report.overall.n_speakers)}; "
        "bars: 95 % intervals by speaker; dotted: all clips)"
    )


def draw(report: EvaluationReport) -> Figure:
    """All ``panels`` in rows of three."""
    found = [*panels(report).values()]
    n_columns = min(3, max(1, len(found)))
    n_rows = -(-max(1, len(found)) // n_columns)
    figure = Figure(figsize=(5.2 * n_columns, 3.1 * n_rows), dpi=90, layout="constrained")
    every = figure.subplots(n_rows, n_columns, squeeze=False).ravel().tolist()
    for axes, panel in zip(every, found, strict=False):
        _draw(axes, panel)
    for axes in every[len(found) :]:
        axes.remove()
    figure.suptitle(textwrap.fill(caption(report), LINE * n_columns), fontsize=10)
    return figure


def alone(panel: Callable[[Axes], None]) -> Figure:
    """One of ``panels``, narrow enough to be read on a phone."""
    figure = Figure(figsize=(4.2, 2.9), dpi=90, layout="constrained")
    _draw(figure.subplots(), panel)
    return figure


def _draw(axes: Axes, panel: Callable[[Axes], None]) -> None:
    panel(axes)
    axes.spines[["top", "right"]].set_visible(False)


def _groups(axes: Axes, report: EvaluationReport, kind: str, large: Mapping[str, Scores]) -> None:
    chosen = worst(large, N_GROUPS)
    some = {group: one for group, one in large.items() if group in chosen}  # in their own order, ascending for bands
    for y, (group, one) in enumerate(some.items()):
        worst_of_all, metric = report.worst_group, one.accuracy
        is_worst = worst_of_all is not None and (worst_of_all.kind, worst_of_all.group) == (kind, group)
        colour = _WORST if is_worst else _COLOUR
        axes.hlines(y, 100 * metric.low, 100 * metric.high, colour, linewidth=2.5, alpha=0.45)
        axes.plot([100 * metric.value], [y], "o", color=colour, markersize=5)
    axes.axvline(100 * report.overall.accuracy.value, color=_SOFT, linewidth=0.8, linestyle=":")
    axes.set_xlim(max(-2.0, 100 * min(one.accuracy.low for one in some.values()) - 4), 102)
    count = attrgetter("n_in_list" if report.overall.closed_set_accuracy else "n_clips")
    labels = [f"{escape_mathtext(group[:34])}  ({count(one)})" for group, one in some.items()]
    axes.set_yticks(range(len(some)), labels, fontsize=7)
    axes.set_ylim(len(some) - 0.5, -0.5)
    axes.tick_params(axis="x", labelsize=7)
    axes.set_title(
        f"by {kind}" + (f", the worst {len(some)} of {len(large)}" if len(some) < len(large) else ""), fontsize=9
    )
    axes.grid(axis="x", alpha=0.25)


def _open_set(axes: Axes, found: OpenSetReport) -> None:
    curve, point = found.curve, found.operating_point
    listed, others = by_speakers(found.n_in_list_speakers), by_speakers(found.n_out_of_list_speakers)
    axes.plot(np.multiply(100, curve.false_accept_rate), np.multiply(100, curve.correct_accept_rate), color=_COLOUR)
    x, y = 100 * point.false_accept_rate.value, 100 * point.correct_accept_rate.value
    axes.plot([x], [y], "o", color=_WORST, markersize=6)
    axes.annotate(f"{y:.1f} % at {x:.1f} %", (x, y), (8, -12), textcoords="offset points", fontsize=8)
    axes.set_xlabel(
        f"false-accept rate, % of {counted(found.n_out_of_list, 'clip')} out of the list {others}", fontsize=8
    )
    axes.set_ylabel(f"correct-accept rate, % of {found.n_in_list} {listed}", fontsize=8)
    axes.set_title(f"threshold on the {found.confidence}", fontsize=9)
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.25)


def _detection(axes: Axes, found: Mapping[str, DetectionReport]) -> None:
    """Draw a curve on probit axes for each kind of others, with a point per stated rate, filled for the shipped one."""
    for (kind, one), colour in zip(found.items(), (_COLOUR, _WORST), strict=False):
        x, y = (_probits(some) for some in (one.curve.false_accept_rate, one.curve.false_reject_rate))
        label = f"{one.n_others} {kind} ({counted(one.n_others_speakers, 'speaker')})"
        axes.plot(x, y, color=colour, linewidth=1.4, label=label)
        for point in one.stated_rates:
            x, y = (_probits([metric.value]) for metric in (point.false_accept_rate, point.false_reject_rate))
            inside = colour if point.shipped else "none"
            axes.plot(x, y, "o", markeredgecolor=colour, markerfacecolor=inside, markersize=6, clip_on=False)
            axes.annotate(
                f"{100 * float(point.stated):g}", (x[0], y[0]), (5, 4), textcoords="offset points", fontsize=7
            )
    _det_ticks(axes, "x")
    _det_ticks(axes, "y")
    axes.set_xlabel("others accepted, %", fontsize=8)
    one = next(iter(found.values()))
    axes.set_ylabel(f"listed refused, % of {one.n_listed} ({counted(one.n_listed_speakers, 'speaker')})", fontsize=8)
    axes.set_title("DET; points: stated % of others, filled: shipped", fontsize=9)
    axes.legend(fontsize=7, frameon=False)


def _spotting(axes: Axes, found: SpottingReport) -> None:
    """Draw misses over false alarms per hour; less than one false alarm in the recording is drawn at half of one."""
    curve, least = found.curve, 0.5 / found.hours
    axes.plot(np.maximum(curve.false_alarms_per_hour, least), _probits(curve.miss_rate), color=_COLOUR, linewidth=1.4)
    x, y = max(found.false_alarms_per_hour.value, least), 1 - found.recall.value
    axes.plot([x], _probits([y]), "o", color=_WORST, markersize=6, clip_on=False)
    axes.annotate(f"{100 * y:.1f} % at {x:.0f}", (x, _probits([y])[0]), (6, 5), textcoords="offset points", fontsize=8)
    axes.set_xscale("log")
    axes.tick_params(axis="x", labelsize=7)
    _det_ticks(axes, "y")
    axes.set_xlabel(f"false alarms an hour of {counted(found.n_names, 'name')}", fontsize=8)
    axes.set_ylabel(f"missed, % of {found.n_listed} ({counted(found.n_listed_speakers, 'speaker')})", fontsize=8)
    axes.set_title(f"DET of spotting, {60 * found.hours:.0f} minutes; point: shipped", fontsize=9)


def _det_ticks(axes: Axes, which: Literal["x", "y"]) -> None:
    """Label a probit axis with rates."""
    ticks = _probits(DET_TICKS)
    axes.set(**{f"{which}ticks": ticks, f"{which}ticklabels": [f"{100 * tick:g}" for tick in DET_TICKS]})
    axes.set(**{f"{which}lim": (ticks[0], ticks[-1])})
    axes.tick_params(axis=which, labelsize=7)
    axes.grid(alpha=0.25)


def _probits(rates: Sequence[float]) -> list[float]:
    """The positions of ``rates`` on an axis whose ends are those of DET_TICKS."""
    found: list[float] = probit(np.clip(rates, DET_TICKS[0], DET_TICKS[-1])).tolist()
    return found
