"""What a run in MLflow holds about predictions: figures, confusion matrix, report and table."""

import mlflow
import pandas as pd

from ..records import Figures
from ..settings import Settings
from . import metrics, plots
from .bootstrap import Bootstrap

__all__ = ["log_figures", "log_predictions", "title_suffix"]


def log_predictions(
    settings: Settings, predictions: pd.DataFrame, part: str, subject: str
) -> Figures:
    """Log predictions with their figures to the active run, and return the figures.

    Args:
        predictions: as `evaluation.predictions` has them
        part: the prefix of everything that is logged, such as `test`
        subject: what the figures' titles call the model
    """
    figures = metrics.intervals(predictions, Bootstrap.from_settings(settings))
    log_figures(figures, part)
    title = f"{subject}, {part} part" + title_suffix(settings)
    mlflow.log_figure(plots.plot_confusion(predictions, title), f"{part}_confusion.png")
    mlflow.log_text(metrics.classification_report(predictions), f"{part}_report.txt")
    mlflow.log_table(predictions, f"{part}_predictions.json")
    return figures


def log_figures(figures: Figures, part: str) -> None:
    """Log figures and their bounds to the active run, such as `test_uar` and `test_uar_low`."""
    for name, interval in figures.items():
        values = {"": interval.value, "_low": interval.low, "_high": interval.high}
        mlflow.log_metrics(
            {f"{part}_{name}{end}": value for end, value in values.items() if value is not None}
        )


def title_suffix(settings: Settings) -> str:
    """Return what a figure's title adds when the corpus is the synthetic sample."""
    return ", synthetic sample" if settings.corpus.synthetic else ""
