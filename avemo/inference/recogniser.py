"""From a clip to an answer: what is registered, and nothing that stands outside its folder.

This code goes into each registered version under a package name of its own, so that every version
answers with the code that it was made with. That is why modules here import each other by relative
names.
"""

import shutil
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from .. import engine
from ..errors import MediaError
from ..faces import extract as faces
from ..features import run_audio, run_visual
from ..features.names import extractor_of
from ..features.registry import module, pretrained
from ..models.bundle import Bundle
from ..quiet import import_tensorflow_quietly
from .prediction import Prediction

__all__ = ["Media", "Recogniser", "found_by", "pack"]

Array = np.ndarray[Any, Any]
#: a file's path, or its content; never text, which may come from a client that names a file
Media = Path | bytes

_DETECTOR = "detector.onnx"
#: the files that extractors need, by their names in `assets.ASSETS`
_WEIGHTS = "weights"
#: what training keeps beside a bundle
_NOT_NEEDED = ("history.csv", "predictions.csv", "run.json")
#: among the faces' settings: the detector that was at hand
_FOUND_BY = "found_by"


class Recogniser:
    """A trained model in a folder, with all that it needs to predict the emotion in a clip.

    Args:
        folder: as `pack` wrote it
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bundle = Bundle(folder)

    def predict(self, media: Media) -> Prediction:
        """Return the prediction for one clip; a fused model does with sound or picture alone.

        It is computed with one thread, as features for training are. If TensorFlow has computed
        with more threads in this process, as it does in training, another process predicts.

        Args:
            media: a file's path, or its content
        """
        import_tensorflow_quietly()
        return engine.call(self._predict, media)

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return _open_once, (self.folder,)  # another process opens it itself, once

    def _predict(self, media: Media) -> Prediction:
        features: dict[str, Array] = {}
        errors = []
        for extract in (self._audio_features, self._visual_features):
            try:
                features |= extract(media)
            except MediaError as error:
                errors.append(error)
        if errors and not features:
            return Prediction.from_error(errors[0])
        clips = {
            name: [features.get(name, preprocessor.empty)]
            for name, preprocessor in self.bundle.preprocessors.items()
        }
        row = self.bundle.probabilities(clips)[0]
        probabilities = dict(zip(self.bundle.description["classes"], map(float, row), strict=True))
        return Prediction(probabilities, reason="; ".join(map(str, errors)))

    def _audio_features(self, media: Media) -> dict[str, Array]:
        chosen = self._chosen("audio")
        found = run_audio.extract(media, chosen, self.bundle.description["limits"], self._weights)
        return self._taken(found)

    def _visual_features(self, media: Media) -> dict[str, Array]:
        chosen = self._chosen("visual")
        if not chosen:
            return {}
        seen = faces.extract(media, self._faces, self._detector)
        return self._taken(run_visual.extract(seen, chosen, self._weights))

    def _chosen(self, modality: str) -> dict[str, Any]:
        """The settings of its extractors of one modality."""
        found = {}
        for feature, described in self.bundle.description["features"].items():
            name = extractor_of(feature)
            if modality == module(name).MODALITY:
                found[name] = module(name).Settings.model_validate(described["settings"])
        return found

    def _taken(self, found: dict[str, dict[str, Array]]) -> dict[str, Array]:
        """Of what extractors give, the network's features."""
        arrays = {key: array for one in found.values() for key, array in one.items()}
        return {name: arrays[name] for name in self.bundle.preprocessors if name in arrays}

    @cached_property
    def _weights(self) -> dict[str, Path]:
        return {file.name: file for file in (self.folder / _WEIGHTS).glob("*")}

    @cached_property
    def _detector(self) -> Any:
        from ..faces import detectors

        file = self.folder / _DETECTOR
        weights = file.read_bytes() if file.exists() else None
        name = str(found_by(self.bundle))
        return detectors.load(name, weights, self._faces.detector_side_px)

    @cached_property
    def _faces(self) -> faces.Settings:
        fields = dict(_faces(self.bundle))
        fields.pop(_FOUND_BY)
        return faces.Settings.model_validate(fields)


@lru_cache(maxsize=4)
def _open_once(folder: Path) -> Recogniser:
    return Recogniser(folder)


def found_by(bundle: Bundle) -> str | None:
    """The detector that found the faces that a model was trained on, if it sees any."""
    name: str | None = _faces(bundle).get(_FOUND_BY)
    return name


def _faces(bundle: Bundle) -> dict[str, Any]:
    """The settings of the faces that its features were taken from."""
    described = bundle.description["features"].values()
    found = (one["faces"]["settings"] for one in described if "faces" in one)
    return next(found, {})


def pack(bundle: Bundle, weights: Path | None, folder: Path) -> None:
    """Make the folder that a recogniser answers from.

    The weights that its extractors need go with it, shrunk where the extractor can `shrink` them.

    Args:
        bundle: the trained model
        weights: of the face detector; None where it brings its own or none is needed
        folder: is made

    Raises:
        AssetError: an extractor's weights cannot be had any more
    """
    shutil.copytree(bundle.folder, folder, ignore=shutil.ignore_patterns(*_NOT_NEEDED))
    if weights:
        shutil.copyfile(weights, folder / _DETECTOR)
    features = bundle.description["features"].items()
    for name, described in {extractor_of(feature): one for feature, one in features}.items():
        copy = getattr(module(name), "shrink", shutil.copyfile)
        settings = module(name).Settings.model_validate(described["settings"])
        for weight, file in pretrained(name, settings).items():
            (folder / _WEIGHTS).mkdir(exist_ok=True)
            copy(file, folder / _WEIGHTS / weight)
