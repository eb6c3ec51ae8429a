"""What `avemo predict` does with many clips, and with tables and timelines to write."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from ..terminal import SlowNotice

if TYPE_CHECKING:
    from ..inference.prediction import Prediction
    from ..registry.pinned import PinnedVersions
    from ..serving.batch.adapt import People
    from ..serving.batch.clips import NamedClip
    from ..serving.batch.journal import Journal
    from ..serving.batch.task import Item, Task
    from ..settings import Settings
    from ..tracking.keys import PublicKey

__all__ = ["FEW", "Batch", "run_batch"]

#: clips for which nobody needs a progress bar where the standard error is no terminal
FEW = 5

#: of the folder of timelines
_JOURNAL = ".avemo-journal"

Result = TypeVar("Result")


@dataclass(frozen=True)
class Batch:
    """What is to be done with clips.

    Args:
        model: URI of one model for all clips; None for the champions
        show: prints a clip's prediction
        as_json: print predictions where they are written to a table, too
        csv: the table's file
        parquet: the table's file
        timelines: the folder of timelines
        formats: of timelines
        window_s: of timelines
        hop_s: of timelines
        workers: processes on this machine
        on_cluster: compute on the Ray cluster that params.yaml names
        require_key: that must have signed what answers
        speaker: who must be enrolled; empty for nobody
        adapt: to the people of these clips by the clips themselves
    """

    model: str | None
    show: Callable[[NamedClip, Prediction], None]
    as_json: bool
    csv: Path | None
    parquet: Path | None
    timelines: Path | None
    formats: Sequence[str]
    window_s: float | None
    hop_s: float | None
    workers: int
    on_cluster: bool
    require_key: PublicKey | None
    speaker: str
    adapt: bool

    @property
    def is_plain(self) -> bool:
        """Whether predictions are printed, computed by this process, and nothing else."""
        files = (self.csv, self.parquet, self.timelines)
        return not any(files) and self.workers == 1 and not self.on_cluster


def run_batch(batch: Batch, named_clips: Sequence[NamedClip]) -> int:
    """Predict for clips and write what is asked for.

    Returns:
        how many clips have no result

    Raises:
        AvemoError: no model can answer, or another process writes the same results
        SettingsError: there is no such format, cluster or project
    """
    from ..registry.pinned import PinnedVersions
    from ..serving.batch.clips import drop_repeated
    from ..serving.batch.task import Item, identify

    clips = drop_repeated(named_clips)
    is_kept = bool(batch.csv or batch.parquet or batch.timelines)
    people = _find_people(batch, clips)
    with SlowNotice() as notice:
        versions = PinnedVersions.resolve(
            batch.model, report=notice.begin, require_key=batch.require_key
        )
    show_progress = sys.stderr.isatty() or len(clips) > FEW
    items = identify(clips, show_progress=show_progress) if is_kept else [*map(Item, clips)]
    failed: set[str] = set()
    if batch.timelines:
        failed |= _write_timelines(batch, versions, items, people, show_progress)
    if batch.csv or batch.parquet or batch.as_json or not batch.timelines:
        failed |= _predict(batch, versions, items, people, show_progress)
    return len(failed)


def _predict(
    batch: Batch,
    versions: PinnedVersions,
    items: Sequence[Item],
    people: People,
    show_progress: bool,
) -> set[str]:
    from ..serving.batch import tables
    from ..serving.batch.adapt import EnrolClips
    from ..serving.batch.journal import Journal
    from ..serving.batch.predict import PredictClips

    table = batch.csv or batch.parquet
    rows, failed = [], set()
    with Journal(table.with_name(f"{table.name}.journal")) if table else nullcontext() as journal:
        speakers = people.enrolled
        if batch.adapt:
            own = people.uncounted(items)
            task = EnrolClips(versions)
            speakers = people.with_clips(_run(batch, task, own, journal, show_progress))
        predictions = PredictClips(versions, speakers)
        for item, row in _run(batch, predictions, items, journal, show_progress):
            if table:
                rows.append((item, row))
            if batch.as_json or not table or row.prediction.finding:
                with _above_bars():
                    batch.show(item.clip, row.prediction)
            if row.prediction.finding:
                failed.add(item.clip.file)
        if batch.csv:
            tables.write_csv(rows, batch.csv)
        if batch.parquet:
            tables.write_parquet(rows, batch.parquet)
    for file in filter(None, (batch.csv, batch.parquet)):
        _report(f"{file} is written: {len(rows)} clips")
    return failed


def _write_timelines(
    batch: Batch,
    versions: PinnedVersions,
    items: Sequence[Item],
    people: People,
    show_progress: bool,
) -> set[str]:
    from ..serving.batch.journal import Journal
    from ..serving.batch.timelines import TimelineFiles, WriteTimelines

    assert batch.timelines
    files = TimelineFiles.for_clips(
        [item.clip for item in items],
        batch.timelines,
        batch.formats,
        window_s=batch.window_s,
        hop_s=batch.hop_s,
        purpose=_settings().serving.purpose,
    )
    failed = set()
    with Journal(batch.timelines / _JOURNAL) as journal:
        task = WriteTimelines(versions, files, people.enrolled, adapt=batch.adapt)
        for item, result in _run(batch, task, items, journal, show_progress):
            if result.finding:
                with _above_bars():
                    typer.echo(f"{item.clip.file}: {result.finding}: {result.reason}", err=True)
                failed.add(item.clip.file)
    _report(f"{batch.timelines} has the timelines of {len(items) - len(failed)} clips")
    return failed


def _find_people(batch: Batch, clips: Sequence[NamedClip]) -> People:
    """Return what is known of the people of clips.

    Raises:
        AvemoError: the one that the command line names is not enrolled
        SettingsError: there is no project here
    """
    from ..serving.batch.adapt import People, find_people

    names = {clip.speaker for clip in clips if clip.speaker}
    if not names:
        return People()
    from ..paths import find_project
    from ..serving.speakers.names import normalise_name
    from ..serving.speakers.store import SpeakerStore

    needed = normalise_name(batch.speaker) if batch.speaker and not batch.adapt else ""
    people = find_people(SpeakerStore(find_project().speakers), names, needed=needed)
    if people.unknown and not batch.adapt:
        _report(people.explain_unknown())
    return people


def _run(
    batch: Batch,
    task: Task[Result],
    items: Sequence[Item],
    journal: Journal | None,
    show_progress: bool,
) -> Iterator[tuple[Item, Result]]:
    from ..serving.batch.task import run_task

    return run_task(
        task,
        items,
        journal,
        workers=batch.workers,
        cluster=_settings().ray.address if batch.on_cluster else None,
        show_progress=show_progress,
        report=_report,
    )


def _report(message: str) -> None:
    typer.echo(f"avemo: {message}", err=True)


def _settings() -> Settings:
    from ..config import load_settings
    from ..paths import find_project

    return load_settings(find_project().root)


def _above_bars() -> AbstractContextManager[None]:
    """Return a block in which lines are printed above the progress bar."""
    from tqdm import tqdm

    manager: AbstractContextManager[None] = tqdm.external_write_mode(file=sys.stderr)
    return manager
