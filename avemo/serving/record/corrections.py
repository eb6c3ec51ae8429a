"""What people said the emotions are: against the answers, and as a list to train on."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...evaluation.metrics import confusion_matrix
from ...io import atomic_write
from ...records import Interval
from ..batch.task import Item
from ..drift.compare import share_interval
from .rows import Correction, RecordedAnswer

__all__ = [
    "NEEDED",
    "CorrectedClip",
    "VersionCorrections",
    "compare_corrections",
    "list_corrected",
    "write_list",
]

#: with fewer corrections, an interval is too wide to say anything
NEEDED = 20


@dataclass(frozen=True)
class CorrectedClip:
    """A clip as one version answered it, and what a person says of it.

    Args:
        answer: the one that was corrected last
        emotion: what the last correction says
        consent: no correction of this clip withholds it from training
    """

    answer: RecordedAnswer
    emotion: str
    consent: bool


@dataclass(frozen=True)
class VersionCorrections:
    """What people said of a version's answers.

    Args:
        label: of the version, `avemo-fused version 3`
        classes: that it tells apart
        counts: clips by what was answered and what people say [shape=(classes, classes)]
        unanswered: corrected clips that had no emotion: a finding, or all of it "not sure"
    """

    label: str
    classes: tuple[str, ...]
    counts: np.ndarray
    unanswered: int

    def share_right(self, emotion: str) -> Interval | None:
        """Return how many of the corrected answers with an emotion people say are right.

        It is None where there are fewer than `NEEDED`.
        """
        row = self.counts[self.classes.index(emotion)]
        total = int(row.sum())
        if total < NEEDED:
            return None
        return share_interval(int(row[self.classes.index(emotion)]), total)


def list_corrected(
    answer_rows: Iterable[RecordedAnswer], corrections: Mapping[str, Correction]
) -> list[CorrectedClip]:
    """Return each corrected clip once for each version that answered it; the last counts.

    Args:
        answer_rows: of the record
        corrections: by the answer's id, the one that counts
    """
    pairs = [(own, corrections[own.id]) for own in answer_rows if own.id in corrections]
    pairs.sort(key=lambda pair: pair[1].time)
    withheld = {answer.sha256 for answer, correction in pairs if not correction.consent}
    clips = {
        (answer.sha256, answer.version_id): CorrectedClip(
            answer, correction.emotion, answer.sha256 not in withheld
        )
        for answer, correction in pairs
    }
    return list(clips.values())


def compare_corrections(clips: Iterable[CorrectedClip]) -> list[VersionCorrections]:
    """Return what people said of each version's answers."""
    by_label: dict[str, list[CorrectedClip]] = {}
    for clip in clips:
        by_label.setdefault(clip.answer.version_id.label, []).append(clip)
    compared = []
    for label, own in sorted(by_label.items()):
        classes = own[0].answer.classes
        answered = [clip for clip in own if clip.answer.emotion]
        counts = np.zeros((len(classes), len(classes)), np.int64)
        if answered:
            counts = confusion_matrix(
                [clip.answer.emotion for clip in answered],
                [clip.emotion for clip in answered],
                classes,
            )
        compared.append(VersionCorrections(label, classes, counts, len(own) - len(answered)))
    return compared


def write_list(
    clips: Iterable[CorrectedClip], target: Path, media: Sequence[Item] | None = None
) -> tuple[int, int]:
    """Write a CSV file of the clips that may be used for training, and what people say they are.

    Columns: sha256, emotion; with media also path and speaker, as `corpus.source: manifest` takes
    them, a row for each clip that is among the media.

    Args:
        clips: as `list_corrected` gives them
        target: the file; it appears whole or not at all
        media: files with their checksums, and with their speakers where somebody named them

    Returns:
        how many clips have a row, and how many of these have no speaker
    """
    last = {clip.answer.sha256: clip for clip in clips if clip.consent}
    rows = [(sha256, clip.emotion) for sha256, clip in sorted(last.items())]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    without_speaker = 0
    if media is None:
        writer.writerow(["sha256", "emotion"])
        writer.writerows(rows)
    else:
        files = {item.sha256: item.clip for item in media if item.sha256}
        rows = [row for row in rows if row[0] in files]
        writer.writerow(["path", "speaker", "emotion", "sha256"])
        for sha256, emotion in rows:
            clip = files[sha256]
            without_speaker += not clip.speaker
            writer.writerow([str(Path(clip.file).absolute()), clip.speaker, emotion, sha256])
    with atomic_write(target) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")
    return len(rows), without_speaker
