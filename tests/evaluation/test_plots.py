import io

import numpy as np
import pandas as pd
import pytest
from helpers.bundles import new_abstention
from helpers.confident import confident_predictions
from helpers.probabilities import PROBABILITIES
from matplotlib.figure import Figure

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.evaluation import plots
from avemo.evaluation.abstention import risk_coverage, selective_figures
from avemo.evaluation.bootstrap import Bootstrap
from avemo.records import Interval


def texts(figure: Figure) -> list[str]:
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text)]


def draw(figure: Figure) -> Figure:
    """Render a figure, and return it."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    assert file.getvalue().startswith(b"\x89PNG")
    return figure


def predictions(guesses: list[int]) -> pd.DataFrame:
    table = pd.DataFrame(np.eye(8)[guesses], columns=PROBABILITIES)
    return table.assign(true=[EMOTIONS[0], EMOTIONS[0], EMOTIONS[0], EMOTIONS[3]], actor=1)


def test_confusion() -> None:
    words = texts(draw(plots.plot_confusion(predictions([0, 0, 5, 3]), "audio, test")))
    assert {"audio, test", "67%", "33%", "100%", "neutral (3)", "sad (1)"} <= set(words)
    assert "UAR 83.3% · 4 performances" in words


@pytest.mark.parametrize("epochs", [1, 3])
def test_learning_curves(epochs: int) -> None:
    history = pd.DataFrame({"epoch": [1, 2, 3], "loss": [2.0, 1.0, 0.5], "uar": [0.1, 0.5, 0.9]})
    figure = draw(plots.plot_learning_curves(history[:epochs], "lstm"))
    assert {"lstm", "loss", "UAR", "epoch"} <= set(texts(figure))
    lines = [line for axes in figure.axes for line in axes.get_lines()]
    assert [np.size(line.get_xdata()) for line in lines] == [epochs] * 2


@pytest.mark.parametrize("threshold", [0.2, 0.9])
def test_risk_coverage(threshold: float) -> None:
    rows = [(actor, 0.3 + 0.1 * step, step > 1) for actor in (1, 2) for step in range(6)]
    table = confident_predictions(rows)
    abstention, bootstrap = new_abstention(threshold), Bootstrap(100, 0.95, 1)
    figures = selective_figures(table, threshold, bootstrap)
    curve = risk_coverage(table)
    words = texts(draw(plots.plot_risk_coverage(curve, figures, abstention, "audio")))
    assert {"audio", "target: at most 20%"} <= set(words)
    marked = "threshold 0.20: 100% answered, 67% of them right"
    assert (marked in words) == (threshold == 0.2)  # nobody is as sure as 0.9
    assert f"area under the risk-coverage curve {curve.area:.3f}" in words


def test_comparison() -> None:
    rows = {"audio": Interval(0.6, 0.5, 0.7, 4, 240), "visual": Interval(0.4, None, None, 1, 60)}
    words = texts(draw(plots.plot_comparison(rows, "test part", chance=0.25)))
    assert {"audio", "visual", "60.0%", "40.0%", "chance 25.0%"} <= set(words)
