"""What a model looks at: the features of a sound and of faces, computed as for training."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ..features.arrays import Arrays, Sound
from ..features.extractor import Extractor, audio_extractors, visual_extractors
from ..features.registry import extractor_from_spec
from ..features.run import extract_from_sound, extract_visual
from ..features.spec import FeatureSpec
from ..models.bundle import Bundle
from ..schema import Strict

if TYPE_CHECKING:
    from ..faces.detectors import Detector
    from ..faces.settings import Settings as FaceSettings

__all__ = ["DETECTOR_FOLDER", "WEIGHTS_FOLDER", "FeatureReader", "face_spec"]

#: see `faces.voiced_db` in params.yaml, which a model of sound alone does not have
_VOICED_DB = 35.0
#: the folder of the face detector's files
DETECTOR_FOLDER = "detector"
#: the files that extractors need, each in a folder that is called as `Extractor.weights` has it
WEIGHTS_FOLDER = "weights"


class FeatureReader:
    """Computes the features that a model takes.

    Args:
        bundle: the model
        folder: with the files of the face detector and of the extractors
        further: a feature of the sound that is computed, too, where an extractor has it
    """

    def __init__(self, bundle: Bundle, folder: Path, further: str = "") -> None:
        self._bundle = bundle
        self._further = further
        self._folder = folder

    @property
    def sample_rates(self) -> list[int]:
        """The sample rates that sound is taken at, in Hz; none for a visual model."""
        extractors = audio_extractors(self._extractors).values()
        return sorted({extractor.settings.sample_rate for extractor in extractors})

    @property
    def has_visual(self) -> bool:
        """Whether the model looks at faces."""
        return bool(visual_extractors(self._extractors))

    @property
    def voiced_db(self) -> float:
        """How far below the loudest moment something is heard, in decibels."""
        return self.face_settings.voiced_db if self.has_visual else _VOICED_DB

    def from_sound(self, read_sound: Callable[[int], Sound]) -> Arrays:
        """Return the audio features that the model takes; none for a visual model.

        Args:
            read_sound: from a sample rate in Hz to the sound

        Raises:
            MediaError: nothing can be heard in the sound
        """
        extractors = audio_extractors(self._extractors)
        limits = self._bundle.config.limits
        return self._select_inputs(extract_from_sound(read_sound, extractors, limits))

    def from_faces(self, faces: Arrays) -> Arrays:
        """Return the visual features that the model takes; none for an audio model.

        Args:
            faces: of one person, as `faces.extract` gives them
        """
        return self._select_inputs(extract_visual(faces, visual_extractors(self._extractors)))

    @cached_property
    def detector(self) -> Detector:
        """The face detector that the model was trained with."""
        from ..faces import detectors

        folder = self._folder / DETECTOR_FOLDER
        files = {file.stem: file.read_bytes() for file in folder.glob("*.onnx")}
        spec = face_spec(self._bundle)
        assert spec, "an audio model detects no faces"
        return detectors.load(
            spec.resources["detector"], files, self.face_settings.detector_side_px
        )

    @cached_property
    def face_settings(self) -> FaceSettings:
        """How faces are detected and cut out."""
        from ..faces.settings import Settings

        spec = face_spec(self._bundle)
        return Settings.model_validate(spec.settings if spec else {})

    def _select_inputs(self, features: dict[str, Arrays]) -> Arrays:
        """Return those of the extractors' features that the network takes, and `further`."""
        arrays = {key: array for own in features.values() for key, array in own.items()}
        names = dict.fromkeys([*self._bundle.preprocessors, self._further])
        return {name: arrays[name] for name in names if name in arrays}

    @cached_property
    def _extractors(self) -> dict[str, Extractor[Strict]]:
        specs = self._bundle.config.features.values()
        return {
            spec.extractor: extractor_from_spec(spec, self._weights)
            for spec in specs
            if not spec.imported
        }

    @cached_property
    def _weights(self) -> dict[str, Path]:
        return {file.parent.name: file for file in (self._folder / WEIGHTS_FOLDER).glob("*/*")}


def face_spec(bundle: Bundle) -> FeatureSpec | None:
    """Return what the faces were computed by that a model's features are derived from."""
    specs = (spec.derived_from for spec in bundle.config.features.values())
    return next((spec for spec in specs if spec), None)
