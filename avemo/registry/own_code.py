"""A registered version's recogniser, run by the version's own code without MLflow.

MLflow would import that code, too; besides, it imports itself, which takes longer than an answer.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from ..errors import AvemoError
from ..inference.adaptation import SpeakerStatistics
from ..runtime.graph import GRAPH_FILE

__all__ = [
    "RECOGNISER_FOLDER",
    "Recogniser",
    "adaptation_space",
    "enrol",
    "load_recogniser",
    "sandbox_of",
    "speaker_option",
    "without_bytecode",
]

#: below a version's folder, that of `packaging.PackagedModel`
RECOGNISER_FOLDER = Path("artifacts", "model")


class Row(Protocol):
    """What a version's own class of predictions has."""

    def to_row(self) -> Mapping[str, object]:
        """Return the prediction as `inference.Prediction.from_row` takes it."""


class TimelineRow(Protocol):
    """What a version's own class of timeline rows has."""

    def to_dict(self) -> Mapping[str, object]:
        """Return the row as `inference.TimelineRow.from_dict` takes it."""


class WindowSizes(Protocol):
    """What a version's own class of windows has."""

    @property
    def length(self) -> Fraction:
        """Of a window, in seconds."""

    @property
    def hop(self) -> Fraction:
        """From the start of a window to that of the next, in seconds."""


class Recogniser(Protocol):
    """What a version's own class of recognisers has.

    Media is a path, content, or a clip of the version's own `media.sandbox`.
    """

    @property
    def classes(self) -> tuple[str, ...]:
        """The emotions that the model tells apart, in the order of its probabilities."""

    def timeline(self, media: object, **options: Any) -> Iterator[TimelineRow]:
        """Yield the rows of a clip's timeline; the options are those of `RegisteredModel`."""

    def windows(self, window_s: float | None = None, hop_s: float | None = None) -> WindowSizes:
        """Return the windows of a timeline."""

    def predict(self, media: object, **options: object) -> Row:
        """Return the prediction for one clip; the option `speaker` adapts it, see `adaptation`."""


def load_recogniser(folder: Path) -> Recogniser | None:
    """Return the recogniser among a version's files; None where MLflow must load the version.

    That is where it has no graph of its network: it is of an older release, or not of avemo's.

    Args:
        folder: of the version
    """
    modules = list((folder / "code").glob("avemo_*/inference/recogniser.py"))
    if len(modules) != 1 or not (folder / RECOGNISER_FOLDER / GRAPH_FILE).exists():
        return None
    package = modules[0].parents[1].name  # comes from the code's content
    path = str(folder / "code")
    sys.path.insert(0, path)
    try:
        with without_bytecode():
            module = import_module(f"{package}.inference.recogniser")
    finally:
        sys.path.remove(path)
    recogniser: Recogniser = module.Recogniser(folder / RECOGNISER_FOLDER)
    return recogniser


def sandbox_of(recogniser: Recogniser) -> ModuleType:
    """Return the module `media.sandbox` of the code that a recogniser is of.

    Raises:
        AvemoError: a version of an older release, which decodes in no other process
    """
    package = type(recogniser).__module__.partition(".")[0]
    try:
        with without_bytecode():
            return import_module(f"{package}.media.sandbox")
    except ModuleNotFoundError:
        raise AvemoError(
            "the version was registered by an older release, whose code cannot decode in a process"
            " of its own: register it anew with `dvc repro`"
        ) from None


def adaptation_space(recogniser: Recogniser) -> str:
    """Return the space that a version measures people in; empty where it does not adapt."""
    adaptation: Any = getattr(recogniser, "adaptation", None)
    return str(adaptation.space) if adaptation else ""


def enrol(recogniser: Recogniser, media: object, *, neutral: bool) -> SpeakerStatistics:
    """Return the statistics of a clip, computed by the version's own code.

    Args:
        recogniser: of a version that adapts
        media: as `Recogniser` has it
        neutral: the person speaks neutrally in it
    """
    own: Any = recogniser
    with without_bytecode():
        return SpeakerStatistics.from_dict(own.enrol(media, neutral=neutral).to_dict())


def speaker_option(recogniser: Recogniser, statistics: SpeakerStatistics) -> dict[str, Any]:
    """Return the option by which a version's own code adapts to a speaker.

    Args:
        recogniser: of a version that adapts
        statistics: of the speaker

    Raises:
        Exception: the version's own class of AvemoError: they are not of its space
    """
    package = type(recogniser).__module__.partition(".")[0]
    with without_bytecode():
        own_class: Any = import_module(f"{package}.inference.adaptation").SpeakerStatistics
    own = own_class.from_dict(statistics.to_dict())
    adaptation: Any = getattr(recogniser, "adaptation", None)
    adaptation.require_own(own)
    return {"speaker": own}


@contextmanager
def without_bytecode() -> Iterator[None]:
    """Write no bytecode inside the block: among a version's files, it would be a change."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before
