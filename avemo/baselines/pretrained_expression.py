"""The expression network as it was given, asked about single clips."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import MediaError, SettingsError
from ..faces import detectors
from ..faces import extract as faces
from ..features.visual import expression
from ..pretrained.expression_mobilenet import CLASSES
from ..settings import Settings

__all__ = ["Seen", "answers"]


@dataclass(frozen=True)
class Seen:
    """What the network sees in a clip.

    Args:
        file: as it was given
        faces: how many were looked at
        probabilities: the mean over the faces, likeliest first; empty where there is a finding
        finding: the class of the trouble; empty where there is none
        reason: in a sentence
    """

    file: str
    faces: int
    probabilities: dict[str, float]
    finding: str = ""
    reason: str = ""


def answers(files: Sequence[str], settings: Settings) -> Iterator[Seen]:
    """Look at each clip, as the stages of faces and expression would.

    Raises:
        SettingsError: `extractors` is without expression
        AssetError: the network cannot be had
    """
    if "expression" not in settings.extractors:
        raise SettingsError("params.yaml: extractors: expression is missing: write it there again")
    own_settings = expression.Settings.model_validate(settings.extractors["expression"])
    weights = expression.Expression(own_settings).fetch_weights()
    extractor = expression.Expression(own_settings, weights)
    name, file = detectors.resolve(settings.faces.detector)
    content = file.read_bytes() if file else None
    detector = detectors.load(name, content, settings.faces.detector_side_px)
    for clip in files:
        try:
            if not Path(clip).is_file():
                raise MediaError("unreadable", "there is no such file")
            seen = faces.extract(Path(clip), settings.faces, detector)
        except MediaError as error:
            yield Seen(clip, 0, {}, error.finding, str(error))
            continue
        probabilities = extractor.extract(seen)["expression_probabilities"]
        mean = dict(zip(CLASSES, map(float, probabilities.mean(axis=0)), strict=True))
        yield Seen(clip, len(probabilities), dict(sorted(mean.items(), key=lambda one: -one[1])))
