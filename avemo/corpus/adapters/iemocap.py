"""IEMOCAP: `Ses01F_impro01_M003.wav` is session 1, its dialogue, and what the man says in it.

Emotions stand in the sessions' `dialog/EmoEvaluation/*.txt`: the label that most annotators agree
on. Films and sounds of entire dialogues are passed over.
"""

import re
from pathlib import Path, PurePath
from typing import ClassVar

from ...errors import CorpusError
from .adapter import Adapter, DescribeFile, NotInCode, Row

__all__ = ["Iemocap"]

#: the session's number is in the dialogue's name, the speaker's sex before the utterance's number
_NAME = re.compile(r"Ses0(\d)[FM]_.+_([FM])[^_]*")
#: `[6.2901 - 8.2357]	Ses01F_impro01_F000	neu	[2.5000, 2.5000, 2.5000]`
_LINE = re.compile(r"\[[\d.]+ - [\d.]+\]\s+(\w+)\s+([a-z]{3})\s+\[", re.ASCII)
_EMOTIONS = {
    "ang": "angry",
    "dis": "disgust",
    "exc": "excited",
    "fea": "fearful",
    "fru": "frustrated",
    "hap": "happy",
    "neu": "neutral",
    "oth": "other",
    "sad": "sad",
    "sur": "surprised",
    "xxx": "undecided",
}


class Iemocap(Adapter):
    """The Interactive Emotional Dyadic Motion Capture Database."""

    name: ClassVar = "iemocap"
    title: ClassVar = "IEMOCAP"
    language: ClassVar = "en"
    licence: ClassVar = "research only, by signed agreement"
    citation: ClassVar = (
        "C. Busso et al.: IEMOCAP: interactive emotional dyadic motion capture database. "
        "Language Resources and Evaluation 42, 2008"
    )

    def open_folder(self, folder: Path) -> DescribeFile:
        """Return the function that looks an utterance up.

        Raises:
            CorpusError: there are no evaluations
        """
        tables = sorted(folder.rglob("EmoEvaluation/*.txt"))
        labels = {
            utterance: label
            for table in tables
            for utterance, label in _LINE.findall(table.read_text("utf-8", errors="replace"))
        }
        if not labels:
            raise CorpusError(
                f"no evaluations of IEMOCAP under {folder}: Session*/dialog/EmoEvaluation/*.txt "
                "are expected, with the utterances' emotions"
            )

        def describe(path: PurePath) -> Row:
            match, label = _NAME.fullmatch(path.stem), labels.get(path.stem)
            if not match or label is None:
                raise NotInCode("no utterance of EmoEvaluation")
            if label not in _EMOTIONS:
                raise NotInCode(f"of the unknown emotion {label}")
            session, sex = match.groups()
            return Row(
                speaker=f"Ses0{session}{sex}",
                emotion=_EMOTIONS[label],
                performance=path.stem,
                sex="female" if sex == "F" else "male",
            )

        return describe
