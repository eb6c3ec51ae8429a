"""The catalogue's figures."""

from typing import TYPE_CHECKING

from .adapters.ravdess import CHANNELS, MODALITIES

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["QUIET", "draw_figures"]

_COLOURS = {"speech": "#1f5f9e", "song": "#e0883a"}
QUIET = "#6b7280"


def draw_figures(used: "pd.DataFrame") -> "dict[str, Figure]":
    """Return the figures by name; none where no recording is used."""
    if used.empty:
        return {}
    return {
        "emotions": _emotions(used),
        "actors": _actors(used),
        "durations": _durations(used),
    }


def _emotions(used: "pd.DataFrame") -> "Figure":
    figure, axes = _axes(9.0, 3.6, "Recordings by channel and emotion")
    channels = _channels(used)
    emotions = list(dict.fromkeys(used["emotion"]))
    width = 0.8 / len(channels)
    for number, (channel, rows) in enumerate(channels.items()):
        counts = [int(rows["emotion"].eq(emotion).sum()) for emotion in emotions]
        shift = (number - (len(channels) - 1) / 2) * width
        places = [place + shift for place in range(len(emotions))]
        bars = axes.bar(places, counts, width * 0.94, color=_COLOURS[channel], label=channel)
        axes.bar_label(bars, [f"{n:,}" if n else "" for n in counts], size=8, padding=2)
    axes.set_xticks(range(len(emotions)), emotions)
    axes.tick_params(axis="x", length=0)
    axes.margins(y=0.12)
    axes.legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 1))
    return figure


def _actors(used: "pd.DataFrame") -> "Figure":
    counts = used.groupby(["modality", "actor"]).size().unstack(fill_value=0)
    figure, axes = _axes(9.0, 1.3 + 0.45 * len(counts), "Recordings by actor and modality")
    axes.imshow(counts, cmap="Blues", vmin=0, aspect="auto")
    most = counts.to_numpy().max()
    for row, line in enumerate(counts.to_numpy()):
        for column, count in enumerate(line):
            ink = "white" if count > 0.55 * most else "#1f2937" if count else "#9ca3af"
            axes.text(column, row, f"{count}", ha="center", va="center", color=ink, size=8)
    axes.set_xticks(range(counts.shape[1]), [f"{actor:02d}" for actor in counts.columns])
    axes.set_yticks(range(len(counts)), [MODALITIES[code] for code in counts.index])
    axes.set_xticks([place - 0.5 for place in range(1, counts.shape[1])], minor=True)
    axes.set_yticks([place - 0.5 for place in range(1, len(counts))], minor=True)
    axes.grid(visible=False)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("actor")
    return figure


def _durations(used: "pd.DataFrame") -> "Figure":
    import numpy as np

    figure, axes = _axes(9.0, 3.2, "Durations by channel")
    edges = [float(edge) for edge in np.histogram_bin_edges(used["duration_s"], bins=40)]
    for channel, rows in _channels(used).items():
        label = f"{channel}, median {rows['duration_s'].median():.2f} s"
        axes.hist(rows["duration_s"], edges, color=_COLOURS[channel], alpha=0.75, label=label)
    axes.set_xlabel("seconds")
    axes.set_ylabel("recordings")
    axes.legend(frameon=False)
    return figure


def _channels(rows: "pd.DataFrame") -> "dict[str, pd.DataFrame]":
    """Return the rows of each channel that has some."""
    groups = {name: rows[rows["channel"].eq(code)] for code, name in CHANNELS.items()}
    return {name: group for name, group in groups.items() if len(group)}


def _axes(width: float, height: float, title: str) -> "tuple[Figure, Axes]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", weight="bold", pad=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e5e7eb")
    axes.set_axisbelow(True)
    return figure, axes
