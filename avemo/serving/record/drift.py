"""Recorded answers, compared with the validation data of the version that gave them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ...inference.prediction import Prediction
from ..batch.predict import BatchRow
from ..drift.report import report_files
from ..watch.measures import ClipMeasures
from ..watch.rows import WatchedFile
from .rows import RecordedAnswer

__all__ = ["report_answers"]


def report_answers(
    answer_rows: Iterable[RecordedAnswer], source: Path, target: Path | None
) -> list[str]:
    """Report how answers for clips differ from the validation data, in sentences.

    Timelines are left out: the profile is of clips. So are loudness and the size of the face, which
    nobody measured.

    Args:
        answer_rows: in the order of their times
        source: the record, for the message
        target: a page (.html) or a picture (.png) to write; None for neither

    Raises:
        AvemoError: there is no answer, or the version that answered last has no profile
        SettingsError: the target is neither
    """
    return report_files(list(_as_files(answer_rows)), source, target)


def _as_files(answer_rows: Iterable[RecordedAnswer]) -> Iterator[WatchedFile]:
    for answer in answer_rows:
        if answer.settings.kind != "clip":
            continue
        prediction = Prediction(
            probabilities=answer.probabilities,
            finding=answer.finding,
            unsure=answer.unsure,
            classes=answer.classes,
        )
        yield WatchedFile(
            stamp=answer.id,
            file="",
            sha256=answer.sha256,
            landed_at=answer.time.isoformat(timespec="seconds"),
            row=BatchRow(prediction, answer.version_id),
            measures=ClipMeasures(),
        )
