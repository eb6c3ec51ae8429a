"""The timeline of each of many clips, written in one or several formats."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ...errors import AvemoError, MediaError
from ...registry.pinned import PinnedVersions
from ...registry.speaker import Speaker
from ..exports import FORMATS, ExportContext, write_timeline
from ..exports.formats import find_format
from .clips import NamedClip
from .predict import UNSETTLED
from .task import Item, log_failure

__all__ = ["TimelineFiles", "TimelineResult", "WriteTimelines"]


@dataclass(frozen=True)
class TimelineFiles:
    """Where timelines go: below one folder as the clips are below theirs.

    Args:
        folder: is made where it is missing
        formats: names in `exports.FORMATS`
        window_s: length of a window; None for the version's own
        hop_s: from the start of a window to that of the next; None for the version's own
        purpose: what the person who runs the model said it is used for; each export says it
        ambiguous: paths that several clips have below their folders, whose files have a part of
            the clip's absolute path's checksum in their names

    Raises:
        SettingsError: there is no such format
    """

    folder: Path
    formats: tuple[str, ...]
    window_s: float | None
    hop_s: float | None
    purpose: str = ""
    ambiguous: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for name in self.formats:
            find_format(name)

    @classmethod
    def for_clips(
        cls,
        clips: Iterable[NamedClip],
        folder: Path,
        formats: Sequence[str],
        *,
        window_s: float | None,
        hop_s: float | None,
        purpose: str = "",
    ) -> TimelineFiles:
        """Return where the timelines of clips go, a file for each."""
        counts = Counter(clip.below for clip in clips)
        ambiguous = frozenset(below for below, count in counts.items() if count > 1)
        names = tuple(dict.fromkeys(formats))
        return cls(folder.absolute(), names, window_s, hop_s, purpose, ambiguous)

    def target(self, item: Item, format: str) -> Path:
        """Return the file of a clip's timeline: `interview.mp4.csv`."""
        name = item.clip.below
        if name in self.ambiguous:
            path = str(item.path).encode(errors="surrogateescape")
            name += f".{hashlib.sha256(path).hexdigest()[:8]}"
        return self.folder / f"{name}{FORMATS[format].suffix}"


@dataclass(frozen=True)
class TimelineResult:
    """What became of a clip's timeline.

    Args:
        rows: how many were written
        model: the version that predicted, `avemo-fused version 3`
        finding: why nothing was written, see `errors.MediaError`; empty where it was
        reason: in a sentence
        sha256: of the files' content; empty in journals of before
    """

    rows: int = 0
    model: str = ""
    finding: str = ""
    reason: str = ""
    sha256: str = ""


class WriteTimelines:
    """What `run_task` calls for each clip, in this process or in another.

    Args:
        versions: that answer
        files: where the timelines go; on a cluster, all machines must see the folder
        speakers: by name, the people whom the timelines of their clips are adapted to
        adapt: to each person in a clip, as it goes
    """

    title = "timelines"

    def __init__(
        self,
        versions: PinnedVersions,
        files: TimelineFiles,
        speakers: Mapping[str, Speaker] = MappingProxyType({}),
        *,
        adapt: bool = False,
    ) -> None:
        self._versions = versions
        self._files = files
        self._speakers = dict(speakers)
        self._adapt = adapt

    def __call__(self, item: Item) -> TimelineResult:
        """Write a clip's timeline and say what became of it.

        Raises:
            AvemoError: no model is registered, or it cannot be loaded or run
        """
        try:
            return self._write(item)
        except MediaError as error:
            return TimelineResult(finding=error.finding, reason=str(error))
        except AvemoError:
            raise
        except Exception as error:  # of a library, for this clip
            return TimelineResult(finding="failed", reason=log_failure(item, error))

    def _write(self, item: Item) -> TimelineResult:
        timeline = self._versions.answering.timeline(
            item.path,
            window_s=self._files.window_s,
            hop_s=self._files.hop_s,
            speaker=self._speakers.get(item.clip.speaker),
            adapt=self._adapt,
        )
        windows = timeline.windows
        context = ExportContext(
            item.clip.file,
            timeline.model,
            timeline.classes,
            window_s=float(windows.length),
            hop_s=float(windows.hop),
            purpose=self._files.purpose,
            location=item.path,
        )
        rows = list(timeline.rows)
        if item.has_changed():
            raise MediaError("changed", "the file was written to while it was read: run again")
        for name in self._files.formats:
            target = self._files.target(item, name)
            write_timeline(rows, name, target, context=context)
        return TimelineResult(len(rows), timeline.model, sha256=self._checksum(item))

    def key(self, item: Item) -> str:
        """Return the checksum of the content, the versions, the windows, the files, the speaker."""
        files = self._files
        targets = [str(files.target(item, name)) for name in files.formats]
        windows = [files.window_s, files.hop_s]
        parts: list[object] = [item.sha256, self._versions.key, windows, targets, files.purpose]
        speaker = self._speakers.get(item.clip.speaker)
        if speaker or self._adapt:
            parts += [speaker.key if speaker else "", self._adapt]
        return hashlib.sha256(f"timeline {json.dumps(parts)}".encode()).hexdigest()

    def is_final(self, result: TimelineResult) -> bool:
        """Return whether the content itself explains the result."""
        return result.finding not in UNSETTLED

    def is_there(self, item: Item, result: TimelineResult) -> bool:
        """Return whether nobody has deleted or overwritten the files, with other windows say."""
        targets = (self._files.target(item, name) for name in self._files.formats)
        if result.finding:
            return True
        if not all(target.is_file() for target in targets):
            return False
        return result.sha256 in ("", self._checksum(item))

    def _checksum(self, item: Item) -> str:
        """Return the checksum of the files of a clip, which must be there."""
        digest = hashlib.sha256()
        for name in self._files.formats:
            digest.update(self._files.target(item, name).read_bytes())
        return digest.hexdigest()

    def to_fields(self, result: TimelineResult) -> Mapping[str, object]:
        """Return a result as JSON holds it."""
        return asdict(result)

    def from_fields(self, fields: Mapping[str, Any]) -> TimelineResult:
        """Return the result that JSON holds."""
        return TimelineResult(**fields)
