"""What a run in MLflow holds about abstention and conformal sets."""

import mlflow
import pandas as pd

from ..records import BundleConfig, Figures, Interval
from ..settings import Settings
from . import plots
from .abstention import risk_coverage, selective_figures
from .bootstrap import Bootstrap
from .conformal import set_figures
from .log import log_figures, title_suffix

__all__ = ["log_selective"]


def log_selective(
    settings: Settings, predictions: pd.DataFrame, config: BundleConfig, part: str, subject: str
) -> Figures:
    """Log what a model's thresholds do to predictions, with their risk-coverage curve.

    Args:
        predictions: as `evaluation.predictions` has them
        config: of the model, with its thresholds
        part: the prefix of everything that is logged, such as `test`
        subject: what the figure's title calls the model

    Returns:
        `aurc`; `coverage` and `selective_accuracy` of the answered clips; `set_coverage` and
        `set_size`. What the model has no threshold for is missing, and so is the accuracy of no
        answer
    """
    bootstrap = Bootstrap.from_settings(settings)
    curve = risk_coverage(predictions)
    actors, performances = predictions["actor"].nunique(), len(predictions)
    figures = {"aurc": Interval(curve.area, actors=actors, performances=performances)}
    if config.abstention:
        figures |= selective_figures(predictions, config.abstention.threshold, bootstrap)
    if config.conformal_sets:
        figures |= set_figures(predictions, config.conformal_sets.threshold, bootstrap)
    log_figures(figures, part)
    title = f"{subject}, {part} part" + title_suffix(settings)
    plot = plots.plot_risk_coverage(curve, figures, config.abstention, title)
    mlflow.log_figure(plot, f"{part}_risk_coverage.png")
    return figures
