"""What a trained model's folder gets so that the model adapts to a speaker."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..datasets import Dataset
from ..errors import AvemoError
from ..evaluation.bootstrap import Bootstrap
from ..models.adaptation import ADAPTATION_FILE, Adaptation
from ..models.bundle import Bundle
from ..models.end_to_end import feature_name
from ..models.weighted_product import MIN_PROBABILITY
from ..records import AdaptationResult, BundleConfig
from ..settings import Settings
from .adaptation import adaptation_feature, curve_figures, fit_adaptation, labelled_clips

__all__ = ["adapt_audio", "adapt_fused"]

_PROBES = 8
#: a product's logarithm is linear but for rounding
_TOLERANCE = 1e-2


def adapt_audio(
    settings: Settings,
    data: Dataset,
    predictions: pd.DataFrame | None,
    config: BundleConfig,
    folder: Path,
) -> AdaptationResult | str:
    """Fit a model's adaptation, measure what it is worth, and write its file.

    Args:
        settings: `adaptation`, `evaluation` and the seed
        data: the training set
        predictions: calibrated, by models that were not trained on the clip's speaker; None where
            there are none
        config: of the model
        folder: gets the file

    Returns:
        what the model's configuration says of it; or the reason why there is none
    """
    if predictions is None:
        return "there are no predictions to choose by"
    feature = adaptation_feature(data, config.features)
    if not feature:
        return "the model has no feature of sound to adapt by"
    clips = labelled_clips(data, predictions, feature)
    limits = settings.adaptation
    try:
        adaptation, table = fit_adaptation(clips, config.classes, feature, limits, settings.seed)
    except AvemoError as error:
        return str(error)
    adaptation.write(folder / ADAPTATION_FILE)
    uar, difference = curve_figures(table, Bootstrap.from_settings(settings))
    return AdaptationResult(
        feature=feature,
        dimensions=len(adaptation.origin),
        trust=adaptation.trust,
        weight=adaptation.weight,
        uar=uar,
        difference=difference,
    )


def adapt_fused(fusion: keras.Model, audio: Bundle, folder: Path) -> AdaptationResult | str:
    """Write the audio model's adaptation for a fusion that is a product of both models' answers.

    Args:
        fusion: from log probabilities, and maybe expressions, to the fused probabilities
        audio: the trained audio model
        folder: gets the file

    Returns:
        as `adapt_audio`: with the figures of sound alone
    """
    file, result = audio.folder / ADAPTATION_FILE, audio.config.adaptation
    if result is None or not file.exists():
        return "the audio model does not adapt"
    weights = _audio_weights(fusion)
    if weights is None:
        return "the fusion is no product"
    audio_weight, heard_weight = weights
    adaptation = Adaptation.read(file)
    adaptation = replace(adaptation, audio_weight=audio_weight, heard_weight=heard_weight)
    adaptation.write(folder / ADAPTATION_FILE)
    return result


def _audio_weights(fusion: keras.Model) -> tuple[float, float] | None:
    """Return the exponents of the audio model's probabilities, with a picture and without.

    None where the fused probabilities are not proportional to a power of them.
    """
    random = np.random.default_rng(1)
    audio = feature_name("audio")
    if audio not in fusion.input:
        return None
    weights = []
    for with_picture in (True, False):
        inputs = {
            name: np.zeros((_PROBES, *tensor.shape[1:]), np.float32)
            for name, tensor in fusion.input.items()
        }
        for name, values in inputs.items():
            if name == audio:
                values[:] = _draw_log_probabilities(random, values.shape)
            elif with_picture:
                drawn = _draw_log_probabilities(random, values.shape[1:])
                values[:] = drawn if name == feature_name("visual") else np.exp(drawn)
        fused = np.asarray(fusion.predict(inputs, verbose=0), np.float64)
        audio_logits = _centred(inputs[audio][:, 0].astype(np.float64))
        fused_logits = _centred(np.log(np.maximum(fused, MIN_PROBABILITY)))
        # what is seen is the same in every probe: only what is heard tells them apart
        audio_logits -= audio_logits.mean(axis=0)
        fused_logits -= fused_logits.mean(axis=0)
        weight = float((audio_logits * fused_logits).sum() / (audio_logits**2).sum())
        if weight <= 0 or np.abs(fused_logits - weight * audio_logits).max() > _TOLERANCE:
            return None
        weights.append(weight)
    return weights[0], weights[1]


def _draw_log_probabilities(
    random: np.random.Generator, shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """Return log probabilities that are nowhere close to 0 or 1 [shape=(..., classes)]."""
    probabilities = random.dirichlet(np.full(shape[-1], 10.0), shape[:-1])
    return np.asarray(np.log(probabilities))


def _centred(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(values - values.mean(axis=1, keepdims=True))
