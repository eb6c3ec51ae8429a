"""The pretrained expression network alone, on single clips."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import MediaError, SettingsError
from ..faces import detectors
from ..faces import extract as faces
from ..faces.detectors import weights as detector_weights
from ..features.visual import expression
from ..pretrained.expression_mobilenet import CLASSES
from ..settings import Settings

__all__ = ["ClipExpression", "recognise_expressions"]


@dataclass(frozen=True)
class ClipExpression:
    """What the network recognises in a clip.

    Args:
        file: as the caller named it
        faces: how many the network looked at
        probabilities: the mean over the faces, likeliest first; empty where there is a finding
        finding: the class of the trouble; empty where there is none
        reason: in a sentence
    """

    file: str
    faces: int
    probabilities: dict[str, float]
    finding: str = ""
    reason: str = ""


def recognise_expressions(files: Sequence[str], settings: Settings) -> Iterator[ClipExpression]:
    """Recognise the expression of each clip, with the faces of the stage `faces`.

    Raises:
        SettingsError: `extractors` is without expression
        AssetError: the network is missing and cannot be fetched
    """
    if "expression" not in settings.extractors:
        raise SettingsError("params.yaml: extractors: expression is missing: write it there again")
    extractor_settings = expression.Settings.model_validate(settings.extractors["expression"])
    weights = expression.Expression(extractor_settings).fetch_weights()
    extractor = expression.Expression(extractor_settings, weights)
    detector = detectors.load(
        *detector_weights.resolve(settings.faces.detector), settings.faces.detector_side_px
    )
    for file in files:
        try:
            if not Path(file).is_file():
                raise MediaError("unreadable", "there is no such file")
            tracked = faces.extract(Path(file), settings.faces, detector)
        except MediaError as error:
            yield ClipExpression(file, 0, {}, error.finding, str(error))
            continue
        probabilities = extractor.extract(tracked)["expression_probabilities"]
        mean = dict(zip(CLASSES, map(float, probabilities.mean(axis=0)), strict=True))
        likeliest_first = dict(sorted(mean.items(), key=lambda item: -item[1]))
        yield ClipExpression(file, len(probabilities), likeliest_first)
