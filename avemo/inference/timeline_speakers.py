"""The people of a timeline: each row is adapted to its person, by what was heard before it.

A window that has voice adds to what is known of its person once its row is there. Windows overlap:
one counts if it begins after the last that counted for this person, so that each moment counts
once. What a row is adapted to depends on the clip before the row alone, and not on how it arrives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..media.span import Span
from ..models.bundle import Bundle
from .adaptation import Adaptation, SpeakerStatistics
from .adapted_model import AdaptedModel, audio_features, audio_probabilities

__all__ = ["Adapted", "Speakers"]


@dataclass(frozen=True, eq=False)
class Adapted:
    """A row's adapted probabilities.

    Args:
        probabilities: [shape=(classes,)]; None where the row is not adapted
        adaptation: as `Prediction` has it; empty where it is not
        reason: why it is not, where what is heard is too far from the person's
    """

    probabilities: NDArray[np.float32] | None = None
    adaptation: str = ""
    reason: str = ""


class Speakers:
    """What is known of the people in a clip, up to the window that is read.

    Args:
        bundle: the unadapted model
        adaptation: of the same version
        enrolled: what is known of everybody from the start; None for nothing
        learn: from each window that has voice

    Raises:
        AvemoError: the speaker was enrolled with another version
    """

    def __init__(
        self,
        bundle: Bundle,
        adaptation: Adaptation,
        enrolled: SpeakerStatistics | None,
        *,
        learn: bool,
    ) -> None:
        if enrolled:
            adaptation.require_own(enrolled)
        self._bundle = bundle
        self._adaptation = adaptation
        self._enrolled = enrolled
        self._learn = learn
        self._known: dict[int | None, SpeakerStatistics] = {}
        self._counted: dict[int | None, Fraction] = {}  # up to where

    def answer(
        self, track: int | None, features: Mapping[str, NDArray[Any]], window: Span
    ) -> Adapted:
        """Return the probabilities for a window with voice, then learn from it.

        Args:
            track: of the person; None for a voice without a face
            features: of the window
            window: in order of time for each track
        """
        known = self._known.get(track, self._enrolled)
        sound = audio_features(self._bundle, features)
        unadapted = audio_probabilities(self._bundle, self._adaptation, sound)
        adapted = Adapted()
        if known:
            distance = self._adaptation.distance(sound, unadapted, known)
            if distance > self._adaptation.max_distance:
                return Adapted(
                    reason=f"not adapted: the voice lies farther from the person's than "
                    f"{distance:.1f} % of other people's do from their own"
                )
            model = AdaptedModel(self._bundle, self._adaptation, known)
            (probabilities,) = model.probabilities_of([features])
            adapted = Adapted(probabilities, self._adaptation.describe(known))
        if self._learn and window.start >= self._counted.get(track, Fraction(0)):
            own = self._adaptation.observe(sound, unadapted, neutral=False)
            self._known[track] = known + own if known else own
            self._counted[track] = window.end
        return adapted
