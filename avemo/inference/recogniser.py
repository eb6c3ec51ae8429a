"""From a clip to a prediction, with nothing that stands outside the model's folder.

This code goes into each registered version under a package name of its own, so that every version
predicts with the code that it was trained with. That is why modules import each other by relative
names.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from .. import threads
from ..errors import MediaError
from ..features.arrays import Arrays
from ..features.extractor import Extractor, audio_extractors, visual_extractors
from ..features.registry import extractor_from_spec
from ..features.run import extract_audio, extract_visual
from ..features.spec import FeatureSpec
from ..media.clip import Clip, Media
from ..models.bundle import Bundle
from ..schema import Strict
from .certainty import describe_certainty
from .prediction import Prediction

if TYPE_CHECKING:
    from ..faces.detectors import Detector
    from ..faces.settings import Settings as FaceSettings

__all__ = ["Recogniser", "detector_name", "pack"]

#: the folder of the face detector's files
_DETECTOR = "detector"
#: the files that extractors need, each in a folder that is called as `Extractor.weights` has it
_WEIGHTS = "weights"
#: training's own files beside a bundle
_NOT_NEEDED = ("history.csv", "predictions.csv", "run.json")


class Recogniser:
    """A trained model in a folder, with all that it needs to predict the emotion in a clip.

    Args:
        folder: as `pack` wrote it
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bundle = Bundle(folder)

    def predict(self, media: Media, *, picture: Media | None = None) -> Prediction:
        """Return the prediction for one clip; a fused model does with sound or picture alone.

        It is computed with one thread, as features for training are.

        Args:
            media: a clip, a file's path, or its content
            picture: a film to take the picture from, where sound and picture stand in two files;
                which frames are looked at depends on the film's own sound

        Raises:
            GraphError: a network cannot be run here
        """
        with threads.single_threaded():
            return self._predict(media, picture)

    def _predict(self, media: Media, picture: Media | None) -> Prediction:
        sound_clip = Clip.of(media)
        picture_clip = sound_clip if picture is None else Clip.of(picture)
        features: Arrays = {}
        errors = []
        with sound_clip, picture_clip:
            for extract, clip in (
                (self._audio_features, sound_clip),
                (self._visual_features, picture_clip),
            ):
                try:
                    features |= extract(clip)
                except MediaError as error:
                    errors.append(error)
        if errors and not features:
            return Prediction.from_error(errors[0])
        clips = {
            name: [features.get(name, preprocessor.empty)]
            for name, preprocessor in self.bundle.preprocessors.items()
        }
        config, row = self.bundle.config, self.bundle.probabilities(clips)[0]
        probabilities = dict(zip(config.classes, map(float, row), strict=True))
        certainty = describe_certainty(probabilities, config)
        return Prediction(
            probabilities,
            reason="; ".join(map(str, errors)),
            synthetic=config.synthetic,
            unsure=certainty.unsure,
            emotions=certainty.emotions,
        )

    def _audio_features(self, clip: Clip) -> Arrays:
        extractors = audio_extractors(self._extractors)
        features = extract_audio(clip, extractors, self.bundle.config.limits)
        return self._select_inputs(features)

    def _visual_features(self, clip: Clip) -> Arrays:
        extractors = visual_extractors(self._extractors)
        if not extractors:
            return {}
        from ..faces import extract as faces

        clip_faces = faces.extract(clip, self._face_settings, self._detector)
        return self._select_inputs(extract_visual(clip_faces, extractors))

    def _select_inputs(self, features: dict[str, Arrays]) -> Arrays:
        """Return those of the extractors' features that the network takes."""
        arrays = {key: array for own in features.values() for key, array in own.items()}
        return {name: arrays[name] for name in self.bundle.preprocessors if name in arrays}

    @cached_property
    def _extractors(self) -> dict[str, Extractor[Strict]]:
        specs = self.bundle.config.features.values()
        return {spec.extractor: extractor_from_spec(spec, self._weights) for spec in specs}

    @cached_property
    def _weights(self) -> dict[str, Path]:
        return {file.parent.name: file for file in (self.folder / _WEIGHTS).glob("*/*")}

    @cached_property
    def _detector(self) -> Detector:
        from ..faces import detectors

        files = {file.stem: file.read_bytes() for file in (self.folder / _DETECTOR).glob("*.onnx")}
        name = str(detector_name(self.bundle))
        return detectors.load(name, files, self._face_settings.detector_side_px)

    @cached_property
    def _face_settings(self) -> FaceSettings:
        from ..faces.settings import Settings

        spec = _face_spec(self.bundle)
        return Settings.model_validate(spec.settings if spec else {})


def detector_name(bundle: Bundle) -> str | None:
    """Return the face detector that a model was trained with; None for audio alone."""
    spec = _face_spec(bundle)
    return spec.resources["detector"] if spec else None


def _face_spec(bundle: Bundle) -> FeatureSpec | None:
    """Return what the faces were computed by that a model's features are derived from."""
    specs = (spec.derived_from for spec in bundle.config.features.values())
    return next((spec for spec in specs if spec), None)


def pack(bundle: Bundle, detector_files: Mapping[str, bytes], folder: Path) -> None:
    """Write the folder that a recogniser predicts from, with the weights that extractors need.

    Args:
        bundle: the trained model
        detector_files: the face detector's, by name; none for a model of sound alone
        folder: must not exist yet

    Raises:
        AssetError: an extractor's weights are not available any more
    """
    shutil.copytree(bundle.folder, folder, ignore=shutil.ignore_patterns(*_NOT_NEEDED))
    for name, content in detector_files.items():
        (folder / _DETECTOR).mkdir(exist_ok=True)
        (folder / _DETECTOR / f"{name}.onnx").write_bytes(content)
    for spec in {spec.extractor: spec for spec in bundle.config.features.values()}.values():
        extractor = extractor_from_spec(spec)
        for name, file in extractor.fetch_weights().items():
            copy = folder / _WEIGHTS / name / file.name
            copy.parent.mkdir(parents=True, exist_ok=True)  # extractors may share a network
            shutil.copyfile(file, copy)
