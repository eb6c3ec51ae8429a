"""An adaptation in a space of two dimensions, where a test does not care how it was fitted."""

import numpy as np

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.models.adaptation import Adaptation

__all__ = ["small_adaptation"]


def small_adaptation(columns: int = 2, feature: str = "mfcc", seed: int = 1) -> Adaptation:
    """Return one for a feature of so many columns, fitted to nothing."""
    random = np.random.default_rng(seed)
    return Adaptation(
        feature=feature,
        classes=EMOTIONS,
        projection=np.eye(columns, 2),
        origin=np.zeros(2),
        class_means=random.normal(scale=2.0, size=(len(EMOTIONS), 2)),
        speaker_variance=np.array([4.0, 1.0]),
        class_variance=np.array([0.5, 0.5]),
        trust=0.5,
        weight=1.0,
        distances=np.linspace(0, 20, 1001),
    )
