"""The people of a batch: those who are enrolled, and what their clips here say of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...errors import AvemoError, MediaError, join_names
from ...inference.adaptation import SpeakerStatistics
from ...registry.pinned import PinnedVersions
from ...registry.speaker import Speaker
from ..speakers.store import SpeakerStore, as_speaker
from .predict import UNSETTLED
from .task import Item, log_failure

__all__ = ["EnrolClips", "MeasuredClip", "People", "find_people"]


@dataclass(frozen=True)
class People:
    """The people of a batch.

    Args:
        enrolled: by name
        clips: by name, the SHA-256 of the clips that they were enrolled with
        unknown: who is not enrolled
    """

    enrolled: Mapping[str, Speaker] = field(default_factory=dict)
    clips: Mapping[str, frozenset[str]] = field(default_factory=dict)
    unknown: Sequence[str] = ()

    def uncounted(self, items: Iterable[Item]) -> list[Item]:
        """Return the clips of people that they were not enrolled with."""
        return [
            item
            for item in items
            if item.clip.speaker and item.sha256 not in self.clips[item.clip.speaker]
        ]

    def with_clips(self, measured: Iterable[tuple[Item, MeasuredClip]]) -> dict[str, Speaker]:
        """Return the people by name, each clip of theirs counted once; nothing is stored."""
        speakers = dict(self.enrolled)
        counted = set[tuple[str, str]]()
        for item, clip in measured:
            name = item.clip.speaker
            if clip.statistics is None or (name, item.sha256) in counted:
                continue
            counted.add((name, item.sha256))
            speaker = speakers.get(name, Speaker(name))
            speakers[name] = speaker.with_clip(clip.statistics, clip.model)
        return speakers

    def explain_unknown(self) -> str:
        """Return who is not enrolled and what to do, in a sentence."""
        return (
            f"{join_names(list(self.unknown), 3)}: not enrolled, predicted without adaptation: "
            "avemo speaker enrol NAME FILES, or --adapt"
        )


def find_people(store: SpeakerStore, names: Iterable[str], *, needed: str = "") -> People:
    """Return what is known of people.

    Args:
        store: of those who are enrolled
        names: of all
        needed: the one that must be enrolled; empty for nobody

    Raises:
        AvemoError: that one is not, or a file is damaged
    """
    enrolled, clips, unknown = {}, {}, []
    for name in sorted(set(names)):
        enrolments = store.find(name)
        clips[name] = frozenset(clip.sha256 for own in enrolments for clip in own.clips)
        if enrolments:
            enrolled[name] = as_speaker(name, enrolments)
        elif name == needed:
            store.speaker(name)  # raises
        else:
            unknown.append(name)
    return People(enrolled, clips, unknown)


@dataclass(frozen=True)
class MeasuredClip:
    """What a clip says of its speaker, or why it says nothing.

    Args:
        model: the version's label
        statistics: in its space; None where there is a finding
        finding: see `errors.MediaError`
        reason: in a sentence
    """

    model: str = ""
    statistics: SpeakerStatistics | None = None
    finding: str = ""
    reason: str = ""


class EnrolClips:
    """What `run_task` calls for each clip whose speaker is known, in this process or in another.

    Args:
        versions: that answer
    """

    title = "speakers"

    def __init__(self, versions: PinnedVersions) -> None:
        self._versions = versions

    def __call__(self, item: Item) -> MeasuredClip:
        """Return what a clip says of its speaker.

        Raises:
            AvemoError: no model is registered, or it cannot be loaded or run
        """
        try:
            enrolled = self._versions.answering.enrol(item.path, neutral=False)
        except MediaError as error:
            return MeasuredClip(finding=error.finding, reason=str(error))
        except AvemoError:
            raise
        except Exception as error:  # of a library, for this clip
            return MeasuredClip(finding="failed", reason=log_failure(item, error))
        return MeasuredClip(enrolled.model, enrolled.statistics)

    def key(self, item: Item) -> str:
        """Return the checksum of the clip's content and of the versions that may answer."""
        text = f"speaker {item.sha256} {self._versions.key}"
        return hashlib.sha256(text.encode()).hexdigest()

    def is_final(self, result: MeasuredClip) -> bool:
        """Return whether the content itself explains the result."""
        return result.finding not in UNSETTLED

    def is_there(self, item: Item, result: MeasuredClip) -> bool:
        """Return True: the statistics are all there is."""
        return True

    def to_fields(self, result: MeasuredClip) -> Mapping[str, object]:
        """Return a result as JSON holds it."""
        statistics = result.statistics.to_dict() if result.statistics else None
        return {
            "model": result.model,
            "statistics": statistics,
            "finding": result.finding,
            "reason": result.reason,
        }

    def from_fields(self, fields: Mapping[str, Any]) -> MeasuredClip:
        """Return the result that JSON holds."""
        own = fields["statistics"]
        statistics = None if own is None else SpeakerStatistics.from_dict(own)
        return MeasuredClip(**{**fields, "statistics": statistics})
