"""Pictures as SVG within the page itself, whose lines and letters have the page's text colour."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Callable, Mapping
from typing import Any

import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure

from speech.common.escape import escape_mathtext, printable
from speech.page.run import Curve

_INK = "#010203"  # a placeholder for the page's own colour until the picture is written
_SETTINGS: Any = {
    "svg.fonttype": "none",
    **dict.fromkeys(["text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"], _INK),
}
N_POINTS = 30  # a curve with fewer points shows a marker at each
LOGARITHMIC = ("gradient/", "update/", "lr-")


def svg(draw: Callable[[], Figure], title: str) -> Markup:
    """The figure that ``draw`` makes, with ``title`` as its text alternative."""
    with matplotlib.rc_context(_SETTINGS | {"svg.hashsalt": title}):
        text = io.StringIO()
        draw().savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    picture = text.getvalue()
    picture = picture[picture.index("<svg") :].replace(_INK, "currentColor")
    label = Markup('<svg role="img" aria-label="{}"').format(printable(title))
    return Markup(re.sub("^<svg", lambda _: str(label), picture))


def chart(shown: Mapping[str, Curve]) -> Figure:
    """Curves by tag, over the steps."""
    figure = Figure(figsize=(4.6, 3.0), layout="constrained")
    axes = figure.subplots()
    one_kind = len({tag.partition("/")[0] for tag in shown}) == 1  # the labels then omit it
    colours = itertools.cycle(matplotlib.color_sequences["tab20"])
    for (tag, curve), colour in zip(shown.items(), colours, strict=False):
        name, marker = tag.partition("/")[2] if one_kind else tag, "o" if len(curve.steps) < N_POINTS else ""
        axes.plot(
            curve.steps,
            curve.values,
            label=escape_mathtext(name),
            color=colour,
            linewidth=1.4,
            marker=marker,
            markersize=3,
        )
    if all(tag.startswith(LOGARITHMIC) for tag in shown):
        axes.set_yscale("log")
    else:
        axes.update_datalim([(0, 0)], updatex=False)  # the upper margin is then relative to the range from 0 up
        axes.set_ylim(bottom=0)
    axes.set_xlabel("step", fontsize=9)
    axes.tick_params(labelsize=8, which="both")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    if len(shown) > 1:
        figure.legend(loc="outside lower center", fontsize=7, frameon=False, ncols=3)
    return figure
