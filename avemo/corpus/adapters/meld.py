"""MELD: `train_splits/dia0_utt3.mp4` is dialogue 0, utterance 3, of the training part.

Speaker and emotion stand in `train_sent_emo.csv`, `dev_sent_emo.csv` and `test_sent_emo.csv`.
Numbers begin anew in each part, so that the folder's name must say which part a clip is of.
"""

import csv
import re
from pathlib import Path, PurePath
from typing import ClassVar

from ...errors import CorpusError
from .adapter import Adapter, DescribeFile, NotInCode, Row

__all__ = ["Meld"]

# some clips of the test part have a longer name
_NAME = re.compile(r"(?:final_videos_test)?dia(\d+)_utt(\d+)")
_EMOTIONS = {
    "anger": "angry",
    "disgust": "disgust",
    "fear": "fearful",
    "joy": "happy",
    "neutral": "neutral",
    "sadness": "sad",
    "surprise": "surprised",
}
_PARTS = {"train": "train", "dev": "valid", "test": "test"}
#: the six who say most
_SEXES = {
    **dict.fromkeys(("Chandler", "Joey", "Ross"), "male"),
    **dict.fromkeys(("Monica", "Phoebe", "Rachel"), "female"),
}


class Meld(Adapter):
    """The Multimodal EmotionLines Dataset."""

    name: ClassVar = "meld"
    title: ClassVar = "MELD"
    language: ClassVar = "en"
    licence: ClassVar = "GPL-3.0, of the annotations; the films are a television series'"
    citation: ClassVar = (
        "S. Poria et al.: MELD: a multimodal multi-party dataset for emotion recognition in "
        "conversations. ACL 2019"
    )

    def open_folder(self, folder: Path) -> DescribeFile:
        """Return the function that looks a clip up.

        Raises:
            CorpusError: the tables are missing
        """
        tables = {part: sorted(folder.rglob(f"{part}_sent_emo.csv")) for part in _PARTS}
        utterances = {part: _read(files[0]) for part, files in tables.items() if files}
        if not utterances:
            raise CorpusError(
                f"no tables of MELD under {folder}: train_sent_emo.csv, dev_sent_emo.csv and "
                "test_sent_emo.csv are expected, with the utterances' speakers and emotions"
            )

        def describe(path: PurePath) -> Row:
            match = _NAME.fullmatch(path.stem)
            if not match:
                raise NotInCode("not named like dia0_utt3")
            part = _part_of(path)
            key = (int(match[1]), int(match[2]))
            if part is None:
                raise NotInCode("in a folder whose name says no part (train, dev or test)")
            if key not in utterances.get(part, {}):
                raise NotInCode(f"no utterance of {part}_sent_emo.csv")
            speaker, emotion = utterances[part][key]
            if emotion not in _EMOTIONS:
                raise NotInCode(f"of the unknown emotion {emotion}")
            return Row(
                speaker=speaker,
                emotion=_EMOTIONS[emotion],
                performance=f"{part}_dia{key[0]}_utt{key[1]}",
                sex=_SEXES.get(speaker, "unknown"),
                split=_PARTS[part],
            )

        return describe


def _part_of(path: PurePath) -> str | None:
    """Return the part that the innermost folder says, such as `output_repeated_splits_test`."""
    for name in reversed(path.parts[:-1]):
        for part in _PARTS:
            if part in name.lower().split("_"):
                return part
    return None


def _read(file: Path) -> dict[tuple[int, int], tuple[str, str]]:
    """Return speaker and emotion of each utterance, by dialogue and utterance."""
    with file.open(newline="", encoding="utf-8-sig", errors="replace") as table:
        return {
            (int(row["Dialogue_ID"]), int(row["Utterance_ID"])): (
                row["Speaker"].strip(),
                row["Emotion"].strip().lower(),
            )
            for row in csv.DictReader(table)
        }
