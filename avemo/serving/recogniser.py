"""From a clip to an answer: what is registered, and nothing that stands outside its folder.

This code goes into each registered version under a package name of its own, so that every version
answers with the code that it was made with. That is why modules here import each other by relative
names.
"""

import shutil
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import MediaError
from ..media.sound import check_sound, read_sound
from ..models.bundle import Bundle

__all__ = ["Answer", "Recogniser", "pack"]

Array = np.ndarray[Any, Any]
Media = str | Path | bytes

_DETECTOR = "detector.onnx"


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
        out: dict[str, Array] = {}
        sounds: dict[int, Array] = {}
        for name, described in self.bundle.description["features"].items():
            module = import_module(f"..features.{name}", __package__)
            fields = dict(described["settings"])
            found_by = fields.pop("found_by", None)
            settings = module.Settings.model_validate(fields)
            if module.MODALITY == "visual":
                out |= module.extract(source, settings, self._detector(found_by))
                continue
            rate = settings.sample_rate
            if rate not in sounds:
                sounds[rate] = read_sound(source, rate)
                check_sound(sounds[rate], rate, **self.bundle.description["limits"])
            out |= module.extract(sounds[rate], settings)
        return {name: out[name] for name in self.bundle.preparations}

    def _detector(self, name: str) -> Any:
        if name not in self._detectors:
            from ..features import detectors

            weights = self.folder / _DETECTOR
            self._detectors[name] = detectors.load(name, weights if weights.exists() else None)
        return self._detectors[name]

    @cached_property
    def _detectors(self) -> dict[str, Any]:
        return {}


def pack(bundle: Bundle, weights: Path | None, folder: Path) -> None:
    """Make the folder that a recogniser answers from.

    Args:
        bundle: the trained model
        weights: of the face detector; None where it brings its own or none is needed
        folder: is made
    """
    shutil.copytree(bundle.folder, folder)
    if weights:
        shutil.copyfile(weights, folder / _DETECTOR)
