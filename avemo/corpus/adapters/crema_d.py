"""CREMA-D: `1002_DFA_ANG_XX.wav` is actor 1002, sentence DFA, anger, no level given.

The actors' sexes stand in `VideoDemographics.csv`.
"""

import csv
import re
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import ClassVar

from .adapter import Adapter, DescribeFile, Listing, NotInCode, Row

__all__ = ["CremaD"]

# one file of the published corpus has a single X for the level
_NAME = re.compile(r"(1\d{3})_([A-Z]{3})_(ANG|DIS|FEA|HAP|NEU|SAD)_(LO|MD|HI|XX?)")
_EMOTIONS = {
    "ANG": "angry",
    "DIS": "disgust",
    "FEA": "fearful",
    "HAP": "happy",
    "NEU": "neutral",
    "SAD": "sad",
}
_DEMOGRAPHICS = "VideoDemographics.csv"


class CremaD(Adapter):
    """The Crowd-sourced Emotional Multimodal Actors Dataset."""

    name: ClassVar = "crema_d"
    title: ClassVar = "CREMA-D"
    language: ClassVar = "en"
    licence: ClassVar = "Open Database License 1.0; contents: Database Contents License 1.0"
    citation: ClassVar = (
        "H. Cao et al.: CREMA-D: crowd-sourced emotional multimodal actors dataset. "
        "IEEE Transactions on Affective Computing 5(4), 2014"
    )

    def open_folder(self, folder: Path) -> DescribeFile:
        """Return the function that reads a name; sexes are unknown without the table of actors."""
        tables = sorted(folder.rglob(_DEMOGRAPHICS))
        sexes = _read_sexes(tables[0]) if tables else {}

        def describe(path: PurePath) -> Row:
            match = _NAME.fullmatch(path.stem)
            if not match:
                raise NotInCode("not named like 1002_DFA_ANG_XX")
            actor, _, emotion, _ = match.groups()
            return Row(actor, _EMOTIONS[emotion], path.stem, sexes.get(actor, "unknown"))

        return describe

    def list_rows(self, folder: Path, paths: Iterable[PurePath]) -> Listing:
        """Return what the files stand for; MP3 files are passed over where there are the WAVs."""
        listing = super().list_rows(folder, paths)
        wavs = {row.performance for row in listing.rows if row.path.endswith(".wav")}
        copies = [r for r in listing.rows if r.path.endswith(".mp3") and r.performance in wavs]
        if not copies:
            return listing
        rows = sorted(set(listing.rows) - set(copies), key=lambda row: row.path)
        reason = {"a copy of a WAV file": [row.path for row in copies]}
        return Listing(rows, listing.passed_over | reason)


def _read_sexes(file: Path) -> dict[str, str]:
    with file.open(newline="", encoding="utf-8-sig") as table:
        return {row["ActorID"].strip(): row["Sex"].strip().lower() for row in csv.DictReader(table)}
