"""Figures for reports and for the tracking server; drawing them takes no display."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from .bootstrap import Interval
from .metrics import classes_of, confusion_matrix, predicted, uar_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..records import Abstention
    from .abstention import RiskCoverage

__all__ = ["plot_comparison", "plot_confusion", "plot_learning_curves", "plot_risk_coverage"]

_BLUE, _GREY = "#1f5f9e", "#6b7280"
_DPI = 120


def plot_confusion(predictions: pd.DataFrame, title: str) -> "Figure":
    """Plot the confusion matrix: shares of each true emotion's performances, with counts.

    Args:
        predictions: as `evaluation.predictions` has them
        title: above the figure
    """
    classes = classes_of(predictions)
    counts = confusion_matrix(predictions["true"], predicted(predictions), classes)
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))

    figure = _figure(7.0, 7.0)
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(*counts.shape):
        count, share = counts[row, column], shares[row, column]
        if not count:
            continue
        ink = "white" if share > 0.55 else "#1f2937"
        axes.text(column, row - 0.1, f"{share:.0%}", ha="center", va="center", color=ink, size=10)
        axes.text(column, row + 0.24, f"{count}", ha="center", va="center", color=ink, size=7)

    places = range(len(classes))
    totals = counts.sum(axis=1)
    axes.set_xticks(places, classes, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(places, [f"{name} ({n})" for name, n in zip(classes, totals, strict=True)])
    axes.set_xticks(np.arange(len(classes) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(classes) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true (performances)")
    _set_title(axes, title, f"UAR {uar_of(predictions):.1%} · {len(predictions)} performances")
    return figure


def plot_learning_curves(history: pd.DataFrame, title: str) -> "Figure":
    """Plot loss and UAR on the training set against the epoch.

    Args:
        history: a row an epoch: `epoch`, `loss`, `uar`
        title: above the figure
    """
    figure = _figure(9.6, 3.8)
    panels = figure.subplots(1, 2)
    line = "o-" if len(history) < 3 else "-"
    for axes, name, label in zip(panels, ("loss", "uar"), ("loss", "UAR"), strict=True):
        axes.plot(history["epoch"], history[name], line, color=_BLUE, lw=2)
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#e5e7eb")
        axes.set_axisbelow(True)
        _set_title(axes, label, "")
    panels[0].set_ylim(bottom=0)
    panels[1].set_ylim(0, 1)
    panels[1].yaxis.set_major_formatter("{x:.0%}")
    figure.suptitle(title, x=0.01, ha="left", size=13, weight="bold")
    return figure


def plot_comparison(rows: Mapping[str, Interval], title: str, *, chance: float) -> "Figure":
    """Plot the UAR of several systems with their intervals, against guessing.

    Args:
        rows: a system's name and its UAR, from top to bottom
        title: above the figure
        chance: the UAR of guessing
    """
    figure = _figure(8.4, 1.7 + 0.45 * len(rows))
    axes = figure.add_subplot()
    for place, interval in enumerate(rows.values()):
        if interval.low is not None and interval.high is not None:
            axes.plot(
                [interval.low, interval.high], [place, place], color=_BLUE, alpha=0.45, lw=3,
                solid_capstyle="round",
            )  # fmt: skip
        axes.plot(interval.value, place, "o", color=_BLUE, ms=9, mec="white", mew=1.2)
        axes.annotate(
            f"{interval.value:.1%}", (interval.value, place), (0, 8), textcoords="offset points",
            ha="center", size=9,
        )  # fmt: skip
    axes.axvline(chance, color=_GREY, lw=1.2, ls="--", zorder=0)
    axes.text(
        chance, 1.01, f"chance {chance:.1%}", transform=axes.get_xaxis_transform(), ha="center",
        va="bottom", color=_GREY, size=9,
    )  # fmt: skip
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_ylim(len(rows) - 0.5, -0.7)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.set_xlabel("unweighted average recall")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="both", color="#eef0f3")
    axes.set_axisbelow(True)
    figure.suptitle(title, x=0.01, ha="left", size=13, weight="bold")
    return figure


def plot_risk_coverage(
    curve: "RiskCoverage",
    figures: Mapping[str, Interval],
    abstention: "Abstention | None",
    title: str,
) -> "Figure":
    """Plot the share of wrong answers against the share of clips that are answered.

    Args:
        curve: of some predictions
        figures: `coverage` and `selective_accuracy` of the same predictions under the threshold
        abstention: the threshold that the model was trained with, and its target
        title: above the figure
    """
    figure = _figure(7.0, 5.0)
    axes = figure.add_subplot()
    axes.step(curve.coverage, curve.risk, where="post", color=_BLUE, lw=2)
    if abstention:
        allowed = 1 - abstention.target
        axes.axhline(allowed, color=_GREY, lw=1.2, ls="--", zorder=0)
        axes.annotate(
            f"target: at most {allowed:.0%}", (0, allowed), (4, 4), textcoords="offset points",
            color=_GREY, size=9,
        )  # fmt: skip
    coverage, accuracy = figures.get("coverage"), figures.get("selective_accuracy")
    if abstention and coverage and accuracy:
        _mark_threshold(axes, abstention.threshold, coverage.value, accuracy)
    axes.set_xlim(0, 1)
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.yaxis.set_major_formatter("{x:.0%}")
    axes.set_xlabel("coverage: share of clips that are answered")
    axes.set_ylabel("risk: share of wrong answers")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#eef0f3")
    axes.set_axisbelow(True)
    _set_title(axes, title, f"area under the risk-coverage curve {curve.area:.3f}")
    return figure


def _mark_threshold(axes: "Axes", threshold: float, coverage: float, accuracy: Interval) -> None:
    """Mark what a threshold does, with the interval of the risk."""
    risk = 1 - accuracy.value
    if accuracy.low is not None and accuracy.high is not None:
        bounds = [1 - accuracy.high, 1 - accuracy.low]
        axes.plot(
            [coverage, coverage], bounds, color=_BLUE, alpha=0.45, lw=3, solid_capstyle="round"
        )
    axes.plot(coverage, risk, "o", color=_BLUE, ms=9, mec="white", mew=1.2)
    side, shift = ("right", -10) if coverage > 0.6 else ("left", 10)
    axes.annotate(
        f"threshold {threshold:.2f}: {coverage:.0%} answered, {accuracy.value:.0%} of them right",
        (coverage, risk), (shift, 10), textcoords="offset points", ha=side,
        size=9,
    )  # fmt: skip


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=_DPI, layout="constrained")


def _set_title(axes: "Axes", title: str, below: str) -> None:
    """Set a title over a grey second line, both flush left."""
    axes.set_title(title, loc="left", weight="bold", pad=26 if below else 8)
    if below:
        axes.annotate(
            below, (0, 1), (0, 8), xycoords="axes fraction", textcoords="offset points",
            color=_GREY, size=10,
        )  # fmt: skip
