"""A bundle that answers for one speaker, if it can adapt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..models.adaptation import correct
from ..models.bundle import Bundle
from ..records import BundleConfig
from .adaptation import Adaptation, SpeakerStatistics

__all__ = ["AdaptedModel", "audio_features", "audio_probabilities"]

Features = Mapping[str, NDArray[Any]]


class AdaptedModel:
    """Answers like a bundle, adapted to a speaker: it can stand where a bundle predicts.

    A fused version is a product of what is heard and seen, of which the first factor is adapted.

    Args:
        bundle: the unadapted model
        adaptation: of the same version
        speaker: whose clips it predicts

    Raises:
        AvemoError: the speaker was enrolled with another version
    """

    def __init__(self, bundle: Bundle, adaptation: Adaptation, speaker: SpeakerStatistics) -> None:
        adaptation.require_own(speaker)
        self._bundle = bundle
        self._adaptation = adaptation
        self._speaker = speaker

    @property
    def config(self) -> BundleConfig:
        """What the model is."""
        return self._bundle.config

    def probabilities_of(self, clips: Sequence[Features]) -> NDArray[np.float32]:
        """Return the probabilities of the emotions [shape=(clips, classes)].

        Args:
            clips: of each, its features by name; those without sound are not adapted
        """
        unadapted = self._bundle.probabilities_of(clips)
        return np.stack([self._adapt(*pair) for pair in zip(clips, unadapted, strict=True)])

    def _adapt(self, clip: Features, unadapted: NDArray[np.float32]) -> NDArray[np.float32]:
        adaptation = self._adaptation
        if adaptation.feature not in clip:
            return unadapted
        # what is seen, too, is a factor of a product, in which the sound has a weight of its own
        is_heard_alone = len(audio_features(self._bundle, clip)) == len(clip)
        weight = adaptation.heard_weight if is_heard_alone else adaptation.audio_weight
        correction = adaptation.correction(adaptation.position(clip), self._speaker)
        return np.asarray(correct(unadapted, weight * correction), np.float32)


def audio_features(bundle: Bundle, clip: Features) -> dict[str, NDArray[Any]]:
    """Return those of a clip's features that are of its sound: they are not derived from faces."""
    specs = bundle.config.features
    visual = {name for name, spec in specs.items() if spec.derived_from}
    return {name: array for name, array in clip.items() if name not in visual}


def audio_probabilities(bundle: Bundle, adaptation: Adaptation, clip: Features) -> list[float]:
    """Return the probabilities by the audio model, also of a fused version.

    Args:
        bundle: the unadapted model
        adaptation: of the same version
        clip: features of its sound
    """
    (fused,) = bundle.probabilities_of([clip]).astype("float64")
    audio = fused ** (1 / adaptation.heard_weight)
    return list(map(float, audio / audio.sum()))
