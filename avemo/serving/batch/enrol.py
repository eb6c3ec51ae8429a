"""Enrolling a person from files, one line a clip."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import MediaError
from ...inference.prediction import Prediction
from ...registry.pinned import PinnedVersions
from ...registry.speaker import Speaker
from ..speakers.names import normalise_name
from ..speakers.store import SpeakerStore, as_speaker
from .clips import NamedClip
from .task import identify_clip

__all__ = ["EnrolledClip", "enrol_clips"]


@dataclass(frozen=True)
class EnrolledClip:
    """What became of a clip.

    Args:
        file: as it was named
        added: it was not counted before
        prediction: of the version that measured it, adapted to what was known before
        finding: why it cannot be used; empty where it can
        reason: in a sentence
    """

    file: str
    added: bool = False
    prediction: Prediction = field(default_factory=Prediction)
    finding: str = ""
    reason: str = ""


def enrol_clips(
    store: SpeakerStore,
    name: str,
    files: Sequence[str],
    *,
    neutral: bool = False,
    again: bool = False,
    model: str | None = None,
    report: Callable[[str], None] = lambda activity: None,
) -> Iterator[EnrolledClip]:
    """Add clips to what is known of a person, and yield what became of each.

    Args:
        store: keeps it
        name: of the person
        files: the clips
        neutral: the person speaks neutrally in them
        again: forget first what is known in the space of each version that measures one
        model: URI of one version for all clips; by default the champions
        report: is called with what is about to be done

    Raises:
        AvemoError: no version can answer
        SettingsError: it is no name
    """
    name = normalise_name(name)
    versions = PinnedVersions.resolve(model, report=report)
    begun: set[str] = set()
    for file in files:
        sha256 = identify_clip(NamedClip(file, file)).sha256
        try:
            enrolled = versions.answering.enrol(Path(file), neutral=neutral)
            if not sha256:  # a pipe, whose content is gone once it is read
                raise MediaError("unreadable", "it is no file that can be read twice")
        except MediaError as error:
            yield EnrolledClip(file, finding=error.finding, reason=str(error))
            continue
        space = enrolled.statistics.space
        is_first = again and space not in begun
        speaker = None if is_first else _known(store, name, space)
        prediction = versions.answering.predict(Path(file), speaker=speaker)
        if prediction.finding:  # such as another person's voice
            yield EnrolledClip(file, finding=prediction.finding, reason=prediction.reason)
            continue
        added = store.add(
            name,
            enrolled.statistics,
            model=enrolled.model,
            sha256=sha256,
            neutral=neutral,
            again=is_first,
        )
        begun.add(space)
        yield EnrolledClip(file, added, prediction)


def _known(store: SpeakerStore, name: str, space: str) -> Speaker | None:
    """Return what is known of a person in a space; None where nothing is."""
    enrolments = [own for own in store.find(name) if own.sums.space == space]
    return as_speaker(name, enrolments) if enrolments else None
