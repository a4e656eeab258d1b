"""The figures of an evaluation as one picture: each group's share of right clips, and what a threshold accepts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from speech.common.escape import escape_mathtext

N_GROUPS = 12  # of a kind that are drawn: the worst
LEAST_CLIPS = 5  # of a group that is drawn
_RIGHT, _WORST, _SOFT = "#1a5fb4", "#b3261e", "#8a8a8a"


def draw(found: Mapping[str, Any]) -> Figure:
    """``found`` as ``judge.judged`` has it. A point and its 95 % interval a group; of many, the N_GROUPS worst."""
    figure_name = "closed_set_accuracy" if "closed_set_accuracy" in found else "exact_match"
    kinds = {"split": found["splits"], "name": found["names"], **found["groups"]}
    chosen = {kind: _chosen(some, figure_name) for kind, some in kinds.items()}
    chosen = {kind: some for kind, some in chosen.items() if len(some) > (kind != "split")}
    curve = (found["acceptance"] or {}).get("curve")
    n_panels = len(chosen) + bool(curve)
    n_columns = min(3, max(1, n_panels))
    n_rows = -(-max(1, n_panels) // n_columns)
    figure = Figure(figsize=(5.2 * n_columns, 3.1 * n_rows), dpi=90, layout="constrained")
    panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel().tolist()
    of_all = found[figure_name]
    low = min((one[f"{figure_name}_interval"][0] for some in chosen.values() for one in some.values()), default=0.0)
    for axes, (kind, some) in zip(panels, chosen.items(), strict=False):
        n_more = sum(one["n_clips"] >= LEAST_CLIPS for one in kinds[kind].values()) - len(some)
        title = f"by {kind}" + (f", the worst {len(some)} of {len(some) + n_more}" if n_more else "")
        _groups(axes, some, figure_name, title, found["worst_group"], kind)
        axes.axvline(100 * of_all, color=_SOFT, linewidth=0.8, linestyle=":")
        axes.set_xlim(max(-2.0, 100 * low - 4), 102)
    if curve:
        _acceptance(panels[len(chosen)], found["acceptance"])
    for axes in panels[n_panels:]:
        axes.remove()
    figure.suptitle(
        f"{figure_name.replace('_', ' ')}, % ({found['n_clips']} clips of {found['n_speakers']} speakers; "
        "bars: 95 % intervals; dotted: all clips)",
        fontsize=10,
    )
    return figure


def _chosen(some: Mapping[str, Mapping[str, Any]], figure_name: str) -> dict[str, Mapping[str, Any]]:
    """The worst groups of a kind, in the order that they came in (bands rise)."""
    shown = {group: one for group, one in some.items() if figure_name in one and one["n_clips"] >= LEAST_CLIPS}
    worst = sorted(shown, key=lambda group: shown[group][figure_name])[:N_GROUPS]
    return {group: one for group, one in shown.items() if group in worst}


def _groups(
    axes: Axes, some: Mapping[str, Any], figure_name: str, title: str, worst: Mapping[str, Any] | None, kind: str
) -> None:
    for y, (group, one) in enumerate(some.items()):
        value, (low, high) = 100 * one[figure_name], (100 * end for end in one[f"{figure_name}_interval"])
        is_worst = worst is not None and (worst["kind"], worst["group"]) == (kind, group)
        colour = _WORST if is_worst else _RIGHT
        axes.plot([low, high], [y, y], color=colour, linewidth=2.5, alpha=0.45, solid_capstyle="butt")
        axes.plot([value], [y], "o", color=colour, markersize=5)
    counted = "n_listed" if figure_name == "closed_set_accuracy" else "n_clips"
    labels = [f"{escape_mathtext(group[:34])}  ({one[counted]})" for group, one in some.items()]
    axes.set_yticks(range(len(some)), labels, fontsize=7)
    axes.set_ylim(len(some) - 0.5, -0.5)
    axes.tick_params(axis="x", labelsize=7)
    axes.set_title(title, fontsize=9)
    axes.grid(axis="x", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _acceptance(axes: Axes, found: Mapping[str, Any]) -> None:
    curve = found["curve"]
    right = [100 * value for value in curve["correct_accept_rate"]]
    if curve["false_accept_rate"] is None:
        axes.plot([100 * value for value in curve["wrong_accept_rate"]], right, color=_RIGHT)
        axes.set_xlabel("accepted and wrong, %", fontsize=8)
    else:
        axes.plot([100 * value for value in curve["false_accept_rate"]], right, color=_RIGHT)
        axes.set_xlabel(f"accepted though not in the list, % of {found['n_not_listed']}", fontsize=8)
        point = found["operating_point"]
        x, y = 100 * point["false_accept_rate"], 100 * point["correct_accept_rate"]
        axes.plot([x], [y], "o", color=_WORST, markersize=6)
        axes.annotate(f"{y:.1f} % at {x:.1f} %", (x, y), (8, -12), textcoords="offset points", fontsize=8)
    axes.set_ylabel(f"accepted and right, % of {found['n_listed']}", fontsize=8)
    axes.set_title(f"threshold on the {found['score']}", fontsize=9)
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
