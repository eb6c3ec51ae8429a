"""EmoDB: `03a01Fa.wav` is speaker 03, text a01, happiness (Freude), version a."""

import re
from pathlib import Path, PurePath
from typing import ClassVar

from .adapter import Adapter, DescribeFile, NotInCode, Row

__all__ = ["EmoDB"]

_NAME = re.compile(r"(\d\d)([ab]\d\d)([WLEAFTN])([a-z])")
#: Wut, Langeweile, Ekel, Angst, Freude, Trauer
_EMOTIONS = {
    "W": "angry",
    "L": "boredom",
    "E": "disgust",
    "A": "fearful",
    "F": "happy",
    "T": "sad",
    "N": "neutral",
}
_SEXES = {
    **dict.fromkeys(("03", "10", "11", "12", "15"), "male"),
    **dict.fromkeys(("08", "09", "13", "14", "16"), "female"),
}


class EmoDB(Adapter):
    """The Berlin Database of Emotional Speech."""

    name: ClassVar = "emodb"
    title: ClassVar = "EmoDB, the Berlin Database of Emotional Speech"
    language: ClassVar = "de"
    licence: ClassVar = "not stated; ask the corpus's authors"
    citation: ClassVar = (
        "F. Burkhardt et al.: A database of German emotional speech. Interspeech 2005"
    )

    def open_folder(self, folder: Path) -> DescribeFile:
        """Return the function that reads a name."""
        return _describe


def _describe(path: PurePath) -> Row:
    match = _NAME.fullmatch(path.stem)
    if not match:
        raise NotInCode("not named like 03a01Fa")
    speaker, _, emotion, _ = match.groups()
    return Row(speaker, _EMOTIONS[emotion], path.stem, _SEXES.get(speaker, "unknown"))
