"""The untrained prior of a modality on the test part, beside the trained model."""

from pathlib import Path

import pandas as pd

from ..datasets import folder_of, load
from ..models.bundle import CONFIG_FILE, Bundle
from ..models.prior import write_prior
from ..paths import Project
from ..pretrained.expression_mobilenet import MEAN_FEATURE
from ..records import PriorResult
from ..settings import Settings
from .bootstrap import Bootstrap
from .log import log_predictions
from .paired import paired_bootstrap
from .predictions import predict, write_predictions

__all__ = ["evaluate_prior"]


def evaluate_prior(
    project: Project,
    settings: Settings,
    bundle: Bundle,
    predictions: pd.DataFrame | None,
    folder: Path,
) -> PriorResult | None:
    """Write the untrained prior of a trained model's modality, and evaluate it.

    Args:
        bundle: the trained model
        predictions: its own, on the test part; None where that holds nothing
        folder: gets `prior/MODALITY`, the prior's bundle, and `MODALITY_prior.csv`, its predictions

    Returns:
        None where there is no prior: of sound, of a model that takes imported features and so never
        predicts from a film, without the expression network's features, and of a fusion without
        the audio model
    """
    modality = bundle.config.modality
    if modality == "audio" or bundle.config.imported_features:
        return None
    audio = Bundle(project.trained("audio")) if modality == "fused" else None
    if not folder_of(project, MEAN_FEATURE).is_dir():
        return None
    if audio and not (audio.folder / CONFIG_FILE).exists():
        return None
    features = [MEAN_FEATURE, *(audio.preprocessors if audio else [])]
    data = load(project, features, settings.labels.classes).part("test")
    spec = data.specs[MEAN_FEATURE]
    prior = write_prior(folder / "prior" / modality, modality, bundle.config, spec, audio)
    if predictions is None or not len(data):
        return PriorResult()
    own = predict(prior, data)
    write_predictions(folder / f"{modality}_prior.csv", own)
    test = log_predictions(settings, own, "test_prior", f"{modality}, untrained prior")
    difference = paired_bootstrap(predictions, own, Bootstrap.from_settings(settings)).get("uar")
    return PriorResult(test=test, difference=difference)
