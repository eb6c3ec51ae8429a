"""The figures of the results page that `evaluation.plots` does not have."""

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..evaluation.metrics import predicted, probabilities
from ..records import Interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["ACTOR", "PUBLISHED", "RANDOM", "accuracies", "adaptation", "reliability", "svg"]

#: the kinds of accuracy, each in its colour
PUBLISHED, RANDOM, ACTOR = "published, random split", "ours, random split", "ours, unseen actors"
_COLOURS = {PUBLISHED: "#6b7280", RANDOM: "#e0883a", ACTOR: "#1f5f9e"}
_QUIET = "#6b7280"
_MIX_COLOURS = ("#1f5f9e", "#e0883a", "#2f855a", "#805ad5", "#c53030")
_BINS = 15


def accuracies(rows: Mapping[str, Mapping[str, Interval]], title: str) -> "Figure":
    """Draw the accuracy of several systems, as published and as measured here.

    Args:
        rows: a system's name, and what there is of PUBLISHED, RANDOM and ACTOR, from top to bottom
        title: above the figure
    """
    figure = _figure(8.4, 1.6 + 0.42 * len(rows), title)
    axes = figure.add_subplot()
    for kind, colour in _COLOURS.items():
        inside = "white" if kind == PUBLISHED else colour
        dots: dict[str, Any] = {"color": colour, "mfc": inside, "ms": 6, "mew": 1.5}
        axes.plot([], [], "o", label=kind, **dots)
        for place, figures in enumerate(rows.values()):
            if kind not in figures:
                continue
            kinds = [name for name in _COLOURS if name in figures]
            accuracy, y = figures[kind], place + 0.2 * (kinds.index(kind) - (len(kinds) - 1) / 2)
            if accuracy.low is not None and accuracy.high is not None:
                bounds = [accuracy.low, accuracy.high]
                axes.plot(bounds, [y, y], color=colour, alpha=0.4, lw=3, solid_capstyle="round")
            axes.plot(accuracy.value, y, "o", **dots)
    figure.legend(frameon=False, ncols=3, loc="outside lower left")
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.set_xlabel("accuracy")
    axes.tick_params(axis="y", length=0)
    _quiet(axes)
    axes.spines["left"].set_visible(False)
    return figure


def adaptation(curves: Mapping[str, Mapping[str, Interval]], title: str) -> "Figure":
    """Draw the recall against how many clips a speaker is enrolled with; a line a mix of emotions.

    Args:
        curves: by system, from left to right, the figures by case, such as `even 20`; `none` is the
            horizontal line
        title: above the figure
    """
    figure = _figure(1.2 + 4.2 * len(curves), 4.6, title)
    panels = figure.subplots(1, len(curves), sharey=True, squeeze=False)[0]
    for axes, (system, figures) in zip(panels, curves.items(), strict=True):
        mixes: dict[str, list[tuple[int, Interval]]] = {}
        for case, uar in figures.items():
            mix, _, clips = case.partition(" ")
            if clips.isdecimal():
                mixes.setdefault(mix, []).append((int(clips), uar))
        axes.axhline(figures["none"].value, color=_QUIET, lw=1, ls="--", label="no speaker")
        for (mix, points), colour in zip(mixes.items(), _MIX_COLOURS, strict=False):
            counts = [count for count, _ in points]
            uars = [uar.value for _, uar in points]
            axes.plot(counts, uars, "o-", color=colour, lw=2, ms=5, label=mix)
        axes.set_xscale("log")
        sizes = sorted({count for points in mixes.values() for count, _ in points})
        axes.set_xticks(sizes, [str(size) for size in sizes])
        axes.minorticks_off()
        axes.set_title(system)
        axes.set_xlabel("clips that the speaker is enrolled with")
        _quiet(axes)
    panels[0].set_ylabel("unweighted average recall")
    panels[0].legend(frameon=False)
    return figure


def reliability(tables: Mapping[str, pd.DataFrame], title: str) -> "Figure":
    """Draw how often answers are right, against how sure they are; the diagonal is calibrated.

    Args:
        tables: predictions by their label, as `metrics` takes them
        title: above the figure
    """
    figure = _figure(7.0, 7.2, title)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    above.plot([0, 1], [0, 1], color=_QUIET, lw=1, ls="--", zorder=1)
    edges = np.linspace(0, 1, _BINS + 1)
    colours = _COLOURS[RANDOM], _COLOURS[ACTOR]
    for (name, table), colour in zip(tables.items(), colours, strict=True):
        confidence = probabilities(table).max(axis=1)
        right = predicted(table) == table["true"].to_numpy()
        bins = np.clip(np.ceil(confidence * _BINS).astype(int) - 1, 0, _BINS - 1)
        in_bin = [bins == number for number in set(bins)]
        means = [(confidence[rows].mean(), right[rows].mean()) for rows in in_bin]
        x, y = zip(*sorted(means), strict=True)
        above.plot(x, y, "o-", color=colour, lw=2, ms=7, mec="white", label=name, clip_on=False)
        below.stairs(np.bincount(bins, minlength=_BINS), edges, color=colour, lw=2)
    above.set_ylabel("share of right answers")
    above.yaxis.set_major_formatter("{x:.0%}")
    above.set_ylim(0, 1)
    above.legend(frameon=False, loc="upper left")
    below.set_ylabel("answers")
    below.set_xlabel("probability of the answer")
    below.xaxis.set_major_formatter("{x:.0%}")
    below.set_xlim(0, 1)
    for axes in (above, below):
        _quiet(axes)
    return figure


def svg(figure: "Figure") -> bytes:
    """Return a figure as SVG; the same figure gives the same bytes."""
    import matplotlib

    file = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "avemo", "svg.fonttype": "path"}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return file.getvalue()


def _figure(width: float, height: float, title: str) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", size=13, weight="bold")
    return figure


def _quiet(axes: "Axes") -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#eef0f3")
    axes.set_axisbelow(True)
