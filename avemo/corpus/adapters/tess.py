"""TESS: `OAF_back_angry.wav` is the older actress, the word "back", anger."""

import re
from pathlib import Path, PurePath
from typing import ClassVar

from .adapter import Adapter, DescribeFile, NotInCode, Row

__all__ = ["Tess"]

# one file of the published corpus says OA for OAF
_NAME = re.compile(r"(OAF?|YAF)_([A-Za-z]+)_(angry|disgust|fear|happy|neutral|ps|sad)")
#: ps: pleasant surprise
_EMOTIONS = {"fear": "fearful", "ps": "surprised"}


class Tess(Adapter):
    """The Toronto emotional speech set."""

    name: ClassVar = "tess"
    title: ClassVar = "TESS, the Toronto emotional speech set"
    language: ClassVar = "en"
    licence: ClassVar = "CC BY-NC-ND 4.0"
    citation: ClassVar = (
        "M. K. Pichora-Fuller and K. Dupuis: Toronto emotional speech set (TESS), 2020, "
        "doi 10.5683/SP2/E8H2MF"
    )

    def open_folder(self, folder: Path) -> DescribeFile:
        """Return the function that reads a name."""
        return _describe


def _describe(path: PurePath) -> Row:
    match = _NAME.fullmatch(path.stem)
    if not match:
        raise NotInCode("not named like OAF_back_angry")
    actress, word, emotion = match.groups()
    speaker = "YAF" if actress == "YAF" else "OAF"
    performance = f"{speaker}_{word}_{emotion}"
    return Row(speaker, _EMOTIONS.get(emotion, emotion), performance, "female")
