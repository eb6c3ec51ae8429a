"""The untrained prior of a modality, as a bundle: what answers before anything is learnt here.

Of the face, it is the pretrained expression network alone; of sound and face, the audio model's
probabilities times these. Of sound there is none: no pretrained network here names its emotions.
"""

from __future__ import annotations

from pathlib import Path

from ..modalities import Modality
from ..pretrained.expression_mobilenet import CLASSES, MEAN_FEATURE
from ..records import BundleConfig, FeatureSpec, TrainedOn
from . import bundle
from .end_to_end import build_end_to_end, feature_name
from .preprocessing import Preprocessor, SequencePreprocessor

__all__ = ["write_prior"]


def write_prior(
    folder: Path,
    modality: Modality,
    trained: BundleConfig,
    spec: FeatureSpec,
    audio: bundle.Bundle | None = None,
) -> bundle.Bundle:
    """Write the bundle of a modality's untrained prior, and return it.

    Args:
        folder: gets it; must not exist yet
        modality: visual or fused
        trained: what the trained model that it is compared with says of itself
        spec: of the expression network's features
        audio: for the fused prior, the trained audio model
    """
    import keras

    from .hypermodel import Architectures

    name = "late_prior" if modality == "fused" else "expression_prior"
    preprocessors: dict[str, Preprocessor] = {
        MEAN_FEATURE: SequencePreprocessor.unscaled(len(CLASSES)),
        feature_name("audio"): SequencePreprocessor.unscaled(len(trained.classes)),
    }
    space = Architectures(modality, [name], preprocessors, {}, classes=trained.classes)
    built = space.build_from({})
    network = keras.Model(built.input, built.output)  # without optimiser and metrics
    features, trained_on = {MEAN_FEATURE: spec}, TrainedOn(performances=0, actors=0)
    if audio:
        network = build_end_to_end(network, {"audio": audio})
        preprocessors |= audio.preprocessors
        features |= audio.config.features
        trained_on = audio.config.trained_on
    config = trained.model_copy(
        update={
            "architecture": f"{name}, untrained",
            "members": [{"architecture": name}],
            "features": features,
            "temperature": 1.0,
            "trained_on": trained_on,
            "abstention": None,
            "conformal_sets": None,
            "untrained": True,
        }
    )
    folder.mkdir(parents=True)
    inputs = {feature: preprocessors[feature] for feature in network.input}
    bundle.write(folder, network, inputs, config)
    return bundle.Bundle(folder)
