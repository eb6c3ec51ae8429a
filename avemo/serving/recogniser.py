"""From a clip to an answer: what is registered, and nothing that stands outside its folder.

This code goes into each registered version under a package name of its own, so that every version
answers with the code that it was made with. That is why modules here import each other by relative
names.
"""

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from .. import assets
from ..errors import MediaError
from ..features import audio, faces
from ..features.extractors import extractor_of, module, weights_of
from ..models.bundle import Bundle

__all__ = ["Answer", "Media", "Recogniser", "pack"]

Array = np.ndarray[Any, Any]
Media = str | Path | bytes

_DETECTOR = "detector.onnx"
#: the files that extractors need, by their names in `assets.ASSETS`
_WEIGHTS = "weights"
#: what training keeps beside a bundle
_NOT_NEEDED = ("history.csv", "predictions.csv", "run.json")
#: among the faces' settings: the detector that was at hand
_FOUND_BY = "found_by"


@dataclass(frozen=True)
class Answer:
    """For one clip: a probability for each emotion, or what is wrong with it.

    Args:
        probabilities: by emotion; empty where there is a finding
        finding: the class of the trouble, see `errors.MediaError`; empty where there is none
        reason: in a sentence
    """

    probabilities: dict[str, float]
    finding: str = ""
    reason: str = ""

    @property
    def emotion(self) -> str:
        """The likeliest; empty where there is a finding."""
        return max(self.probabilities, key=self.probabilities.__getitem__, default="")


class Recogniser:
    """A trained model in a folder, with all that it needs to answer for a clip.

    Args:
        folder: what `pack` made
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bundle = Bundle(folder)

    def answer(self, media: Media) -> Answer:
        """Answer for one clip.

        Args:
            media: a file's path, or its content
        """
        try:
            features = self._features(media)
        except MediaError as error:
            return Answer({}, error.finding, str(error))
        row = self.bundle.probabilities({name: [clip] for name, clip in features.items()})[0]
        classes = self.bundle.description["classes"]
        return Answer(dict(zip(classes, map(float, row), strict=True)))

    def _features(self, media: Media) -> dict[str, Array]:
        source = media if isinstance(media, bytes) else Path(media)
        sounds: dict[str, Any] = {}
        pictures: dict[str, Any] = {}
        for feature, described in self.bundle.description["features"].items():
            name = extractor_of(feature)
            fields = {
                key: value for key, value in described["settings"].items() if key != _FOUND_BY
            }
            chosen = pictures if module(name).MODALITY == "visual" else sounds
            chosen[name] = module(name).Settings.model_validate(fields)
        limits = self.bundle.description["limits"]
        found = audio.extract(source, sounds, limits, self._weights)
        if pictures:
            found["faces"] = faces.extract(source, pictures["faces"], self._detector)
        arrays = {key: array for one in found.values() for key, array in one.items()}
        return {name: arrays[name] for name in self.bundle.preparations}

    @cached_property
    def _weights(self) -> dict[str, Path]:
        return {file.name: file for file in (self.folder / _WEIGHTS).glob("*")}

    @cached_property
    def _detector(self) -> Any:
        from ..features import detectors

        settings = self.bundle.description["features"]["faces"]["settings"]
        file = self.folder / _DETECTOR
        weights = file.read_bytes() if file.exists() else None
        return detectors.load(settings[_FOUND_BY], weights, settings["detector_side"])


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
    for name in {extractor_of(feature) for feature in bundle.description["features"]}:
        copy = getattr(module(name), "shrink", shutil.copyfile)
        for weight in weights_of(name):
            (folder / _WEIGHTS).mkdir(exist_ok=True)
            copy(assets.get(weight), folder / _WEIGHTS / weight)
