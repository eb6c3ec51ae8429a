"""SAVEE: `DC/a01.wav`, or `DC_a01.wav` in copies, is speaker DC, anger, sentence 1.

The same takes are sound in `AudioData` and films in `AudioVisualClip`, where they are `DC/a1.avi`.
"""

import re
from pathlib import Path, PurePath
from typing import ClassVar

from .adapter import Adapter, DescribeFile, NotInCode, Row, joined_name

__all__ = ["Savee"]

_NAME = re.compile(r"(?:.*_)?(DC|JE|JK|KL)_(sa|su|[adfhn])(\d\d?)")
_EMOTIONS = {
    "a": "angry",
    "d": "disgust",
    "f": "fearful",
    "h": "happy",
    "n": "neutral",
    "sa": "sad",
    "su": "surprised",
}


class Savee(Adapter):
    """Surrey Audio-Visual Expressed Emotion."""

    name: ClassVar = "savee"
    title: ClassVar = "SAVEE, Surrey Audio-Visual Expressed Emotion"
    language: ClassVar = "en"
    licence: ClassVar = "research only, on request"
    citation: ClassVar = (
        "S. Haq and P. J. B. Jackson: Speaker-dependent audio-visual emotion recognition. AVSP 2009"
    )

    def open_folder(self, folder: Path) -> DescribeFile:
        """Return the function that reads a name."""
        return _describe


def _describe(path: PurePath) -> Row:
    match = _NAME.fullmatch(joined_name(path))
    if not match:
        raise NotInCode("not named like DC/a01 or DC_a01")
    speaker, emotion, sentence = match.groups()
    performance = f"{speaker}_{emotion}{int(sentence):02d}"
    return Row(speaker, _EMOTIONS[emotion], performance, "male")
