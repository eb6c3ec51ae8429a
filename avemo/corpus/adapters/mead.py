"""MEAD: `M030/video/front/angry/level_3/001.mp4` and `M030/audio/angry/level_3/001.m4a`.

Speaker (M: man, W: woman), view, emotion, level, take; copies have flat names, such as
`M030_front_angry_level3_001.mp4`. Seven cameras filmed each take; the one in front is used.
"""

import re
from pathlib import Path, PurePath
from typing import ClassVar

from .adapter import Adapter, DescribeFile, NotInCode, Row, joined_name

__all__ = ["Mead"]

_NAME = re.compile(
    r"(?:.*_)?([MW])(\d{3})_(?:(?:video|audio)_)?"
    r"(?:(front|down|top|left_30|left_60|right_30|right_60)_)?"
    r"(angry|contempt|disgusted|fear|happy|neutral|sad|surprised)_level_?(\d)_(\d{3})"
)
_EMOTIONS = {"disgusted": "disgust", "fear": "fearful"}


class Mead(Adapter):
    """The Multi-view Emotional Audio-visual Dataset."""

    name: ClassVar = "mead"
    title: ClassVar = "MEAD"
    language: ClassVar = "en"
    licence: ClassVar = "research only; ask the corpus's authors"
    citation: ClassVar = (
        "K. Wang et al.: MEAD: a large-scale audio-visual dataset for emotional talking-face "
        "generation. ECCV 2020"
    )

    def open_folder(self, folder: Path) -> DescribeFile:
        """Return the function that reads a name."""
        return _describe


def _describe(path: PurePath) -> Row:
    match = _NAME.fullmatch(joined_name(path))
    if not match:
        raise NotInCode("not named like M030/video/front/angry/level_3/001")
    sex, number, view, emotion, level, take = match.groups()
    if view not in (None, "front"):
        raise NotInCode("a take's view from another side than the front")
    return Row(
        speaker=f"{sex}{number}",
        emotion=_EMOTIONS.get(emotion, emotion),
        performance=f"{sex}{number}_{emotion}_level{level}_{take}",
        sex="male" if sex == "M" else "female",
    )
