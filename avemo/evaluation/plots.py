"""Figures for reports and for the tracking server; each is drawn without a display."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..emotions import EMOTIONS
from .bootstrap import Interval
from .metrics import confusion_matrix, predicted, uar

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["comparison", "confusion", "learning_curves"]

_TRAIN, _VALID = "#8fa3b5", "#1f5f9e"
_QUIET = "#6b7280"
_DPI = 120


def confusion(predictions: pd.DataFrame, title: str) -> "Figure":
    """What each emotion is taken for, as shares of the true emotion's performances, with counts.

    Args:
        predictions: a row a performance, as `metrics` takes them
        title: above the figure
    """
    guesses = predicted(predictions)
    counts = confusion_matrix(predictions["true"], guesses)
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

    places = range(len(EMOTIONS))
    totals = counts.sum(axis=1)
    axes.set_xticks(places, EMOTIONS, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(places, [f"{name} ({n})" for name, n in zip(EMOTIONS, totals, strict=True)])
    axes.set_xticks(np.arange(len(EMOTIONS) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(EMOTIONS) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true (performances)")
    score = uar(predictions["true"], guesses)
    _head(axes, title, f"UAR {score:.1%} · {len(predictions)} performances")
    return figure


def learning_curves(history: pd.DataFrame, title: str) -> "Figure":
    """Loss and UAR against the epoch.

    Args:
        history: a row an epoch: `epoch`, `loss`, `uar`, and `val_loss`, `val_uar` where there is a
            validation part
        title: above the figure
    """
    figure = _figure(9.6, 3.8)
    panels = figure.subplots(1, 2)
    best = None
    if "val_uar" in history and history["val_uar"].notna().any():
        best = history.iloc[int(np.nanargmax(history["val_uar"].to_numpy(np.float64)))]
    for axes, name, label in zip(panels, ("loss", "uar"), ("loss", "UAR"), strict=True):
        line = "o-" if len(history) < 3 else "-"
        curves = ((name, "training", _TRAIN), (f"val_{name}", "validation", _VALID))
        for column, part, colour in curves:
            if column in history:
                epochs, values = history["epoch"], history[column]
                axes.plot(epochs, values, line, color=colour, lw=2, label=part)
        if best is not None:
            axes.axvline(best["epoch"], color=_QUIET, lw=1, ls=":", zorder=0)
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#e5e7eb")
        axes.set_axisbelow(True)
        _head(axes, label, "")
    panels[0].set_ylim(bottom=0)
    panels[1].set_ylim(0, 1)
    panels[1].yaxis.set_major_formatter("{x:.0%}")
    panels[0].legend(frameon=False)
    if best is not None:
        panels[1].plot(best["epoch"], best["val_uar"], "o", color=_VALID, ms=7)
        title += f"  ·  best: {best['val_uar']:.1%} in epoch {best['epoch']:.0f}"
    figure.suptitle(title, x=0.01, ha="left", size=13, weight="bold")
    return figure


def comparison(
    rows: Mapping[str, Interval], title: str, *, chance: float = 1 / len(EMOTIONS)
) -> "Figure":
    """The UAR of several systems with their intervals, against guessing.

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
                [interval.low, interval.high], [place, place], color=_VALID, alpha=0.45, lw=3,
                solid_capstyle="round",
            )  # fmt: skip
        axes.plot(interval.value, place, "o", color=_VALID, ms=9, mec="white", mew=1.2)
        axes.annotate(
            f"{interval.value:.1%}", (interval.value, place), (0, 8), textcoords="offset points",
            ha="center", size=9,
        )  # fmt: skip
    axes.axvline(chance, color=_QUIET, lw=1.2, ls="--", zorder=0)
    axes.text(
        chance, 1.01, f"chance {chance:.1%}", transform=axes.get_xaxis_transform(), ha="center",
        va="bottom", color=_QUIET, size=9,
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


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=_DPI, layout="constrained")


def _head(axes: "Axes", title: str, below: str) -> None:
    """A title over its quieter second line, both flush left."""
    axes.set_title(title, loc="left", weight="bold", pad=26 if below else 8)
    if below:
        axes.annotate(
            below, (0, 1), (0, 8), xycoords="axes fraction", textcoords="offset points",
            color=_QUIET, size=10,
        )  # fmt: skip
