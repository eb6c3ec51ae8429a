"""The RAVDESS file-name code.

`01-02-05-02-01-02-12.mp4` is modality, channel, emotion, intensity, statement, repetition, actor.

Source:
    S. R. Livingstone and F. A. Russo: The Ryerson Audio-Visual Database of Emotional Speech and
    Song. PLoS ONE 13(5): e0196391 (2018), doi 10.5281/zenodo.1188976
"""

from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import ClassVar

from .adapter import Adapter, DescribeFile, NotInCode, Row

__all__ = [
    "ACTORS",
    "CHANNELS",
    "EMOTIONS",
    "MODALITIES",
    "NAME",
    "NO_SINGER",
    "STATEMENTS",
    "SUFFIXES",
    "SUNG",
    "Ravdess",
    "Recording",
    "parse",
]

#: in `corpus` of the catalogue
NAME = "ravdess"
MODALITIES = {1: "audio-video", 2: "video-only", 3: "audio-only"}
CHANNELS = {1: "speech", 2: "song"}
#: in the order of their codes, 01 to 08
EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
INTENSITIES = {1: "normal", 2: "strong"}
STATEMENTS = {1: "Kids are talking by the door", 2: "Dogs are sitting by the door"}
#: numbers of the actors of the published corpus
ACTORS = range(1, 25)
#: the actor who did not sing
NO_SINGER = 18
#: emotions that are sung: song has no disgust and no surprise
SUNG = EMOTIONS[:6]
SUFFIXES = {1: ".mp4", 2: ".mp4", 3: ".wav"}

_FIELDS = (
    ("modality", set(MODALITIES)),
    ("channel", set(CHANNELS)),
    ("emotion", set(range(1, len(EMOTIONS) + 1))),
    ("intensity", set(INTENSITIES)),
    ("statement", set(STATEMENTS)),
    ("repetition", {1, 2}),
    ("actor", set(range(1, 100))),
)


@dataclass(frozen=True, order=True)
class Recording:
    """A recording, as its file name describes it; each field is the published code."""

    modality: int
    channel: int
    emotion: int
    intensity: int
    statement: int
    repetition: int
    actor: int

    @property
    def id(self) -> str:
        """The file's name without its suffix: `01-02-05-02-01-02-12`."""
        return f"{self.modality:02d}-{self.performance}"

    @property
    def performance(self) -> str:
        """The take that up to three recordings show: `02-05-02-01-02-12`."""
        fields = (self.channel, self.emotion, self.intensity, self.statement, self.repetition)
        return "-".join(f"{field:02d}" for field in (*fields, self.actor))

    @property
    def label(self) -> str:
        """The emotion's name."""
        return EMOTIONS[self.emotion - 1]

    @property
    def sex(self) -> str:
        """The actor's sex: odd numbers are male, even numbers female."""
        return "male" if self.actor % 2 else "female"

    @property
    def file(self) -> PurePath:
        """The path in the published archives, the archive's name first."""
        channel = CHANNELS[self.channel].capitalize()
        actor = f"Actor_{self.actor:02d}"
        archive = (
            f"Audio_{channel}_Actors_01-24" if self.modality == 3 else f"Video_{channel}_{actor}"
        )
        return PurePath(archive, actor, self.id + SUFFIXES[self.modality])


def parse(name: str) -> Recording:
    """Return the recording that a file name describes.

    Args:
        name: with or without suffix and folders

    Raises:
        ValueError: the name is outside the code; the message says where
    """
    stem = PurePath(name).stem
    parts = stem.split("-")
    if len(parts) != len(_FIELDS) or not all(
        len(part) == 2 and part.isascii() and part.isdecimal() for part in parts
    ):
        raise ValueError(f"{stem!r} is no RAVDESS name: seven two-digit fields are expected")
    codes = [int(part) for part in parts]
    for (field, allowed), code in zip(_FIELDS, codes, strict=True):
        if code not in allowed:
            raise ValueError(f"{stem!r} is no RAVDESS name: there is no {field} {code:02d}")
    return Recording(*codes)


class Ravdess(Adapter):
    """The Ryerson Audio-Visual Database of Emotional Speech and Song."""

    name: ClassVar = NAME
    title: ClassVar = "RAVDESS"
    language: ClassVar = "en"
    licence: ClassVar = "CC BY-NC-SA 4.0"
    citation: ClassVar = (
        "S. R. Livingstone and F. A. Russo: The Ryerson Audio-Visual Database of Emotional Speech "
        "and Song. PLoS ONE 13(5), 2018, doi 10.5281/zenodo.1188976"
    )

    def open_folder(self, folder: Path) -> DescribeFile:
        """Return the function that reads a name."""
        return _describe


def _describe(path: PurePath) -> Row:
    try:
        recording = parse(path.name)
    except ValueError:
        raise NotInCode("not named like 03-01-05-02-01-02-12") from None
    speaker = f"{recording.actor:02d}"
    return Row(speaker, recording.label, recording.performance, recording.sex)
