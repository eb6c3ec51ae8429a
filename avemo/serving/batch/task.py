"""A function over many clips, whose results are kept as they come."""

from __future__ import annotations

import hashlib
import logging
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ... import engine
from ...errors import AvemoError
from ...surroundings import explain_surroundings
from .clips import NamedClip
from .journal import Journal

__all__ = ["Item", "Task", "identify", "identify_clip", "log_failure", "run_task"]

log = logging.getLogger(__name__)

#: how many clips a machine of a cluster gets at a time
_CLUSTER_CHUNK = 8

Result = TypeVar("Result")


@dataclass(frozen=True)
class Item:
    """A clip with what tells whether it is still the same.

    Args:
        clip: as the user named it
        sha256: of its content; empty where nobody asked for it, and where it cannot be read
        size: in bytes
        changed_ns: when it was changed last
        folder: that a relative path starts from; a worker of a cluster has another
    """

    clip: NamedClip
    sha256: str = ""
    size: int = 0
    changed_ns: int = 0
    folder: Path = field(default_factory=Path.cwd)

    @property
    def path(self) -> Path:
        """The clip's absolute path."""
        return self.folder / self.clip.file

    def has_changed(self) -> bool:
        """Return whether the clip is another than the one whose content was identified."""
        if not self.sha256:
            return False
        try:
            status = self.path.stat()
        except OSError:
            return True
        return (status.st_size, status.st_mtime_ns) != (self.size, self.changed_ns)


class Task(Protocol[Result]):
    """What is computed for each clip. It is pickled for other processes."""

    @property
    def title(self) -> str:
        """Of the progress bar."""

    def __call__(self, item: Item) -> Result:
        """Return a clip's result; a clip that cannot be used has one, too."""

    def key(self, item: Item) -> str:
        """Return what changes whenever the result may be another."""

    def is_final(self, result: Result) -> bool:
        """Return whether another attempt would give the same."""

    def to_fields(self, result: Result) -> Mapping[str, object]:
        """Return a result as JSON holds it."""

    def from_fields(self, fields: Mapping[str, Any]) -> Result:
        """Return what `to_fields` was called with."""

    def is_there(self, item: Item, result: Result) -> bool:
        """Return whether what belongs to a result that was kept is still there."""


def identify(clips: Sequence[NamedClip], *, show_progress: bool) -> list[Item]:
    """Return the clips with the checksums of their contents."""
    items = engine.run(
        identify_clip, clips, title="checksums", unit="clip", workers=1, show_progress=show_progress
    )
    return list(items)


def identify_clip(clip: NamedClip) -> Item:
    """Return a clip with the checksum of its content; without one where it cannot be read."""
    try:
        status = Path(clip.file).stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe would be waited for
            return Item(clip)
        with Path(clip.file).open("rb") as file:
            status = Path(clip.file).stat()
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):
        return Item(clip)  # the prediction says what is wrong with it
    return Item(clip, digest, status.st_size, status.st_mtime_ns)


def run_task(
    task: Task[Result],
    items: Sequence[Item],
    journal: Journal | None = None,
    *,
    workers: int = 1,
    cluster: str | None = None,
    show_progress: bool = True,
    report: Callable[[str], None] = lambda message: None,
) -> Iterator[tuple[Item, Result]]:
    """Yield each clip and its result, in their order; what the journal has is not computed again.

    Clips with the same content are computed once.

    Args:
        task: what is computed
        items: the clips
        journal: gets every result that is final as soon as it is there; None keeps none
        workers: processes on this machine
        cluster: address of a Ray cluster to use instead
        show_progress: whether there is a bar
        report: is called with how many results were there before, if any were

    Raises:
        AvemoError: no model can answer, or a worker's process died
        SettingsError: there is no such cluster
    """
    results = _kept_results(task, items, journal)
    if results and journal:
        report(f"{len(results)} of {len(items)} {task.title} are there already: {journal.file}")
    pending: dict[str, Item] = {}
    for item in items:
        if (key := _key(task, item)) not in results:
            pending.setdefault(key, item)
    computed = engine.run(
        task,
        list(pending.values()),
        title=task.title,
        unit="clip",
        workers=workers,
        cluster=cluster,
        chunk_size=_CLUSTER_CHUNK if cluster else 1,
        show_progress=show_progress,
    )
    for item in items:
        key = _key(task, item)
        if key not in results:
            results[key] = result = _next(computed)
            if journal and item.sha256 and task.is_final(result):
                journal.add(key, task.to_fields(result))
        yield item, results[key]
    next(computed, None)  # ends the bar


def log_failure(item: Item, error: Exception) -> str:
    """Log an error of a library with its traceback, and return it as the reason of a finding.

    Raises:
        AvemoError: it is no fault of the clip: the machine lacks something, such as disk space
    """
    if sentence := explain_surroundings(error):
        raise AvemoError(sentence) from error
    log.error("avemo: %s", item.clip.file, exc_info=error)
    return f"{type(error).__name__}: {error}"


def _next(computed: Iterator[Result]) -> Result:
    try:
        return next(computed)
    except BrokenProcessPool:
        raise AvemoError(
            "a worker's process died, because a clip crashed it or the memory was full: run the "
            "same command again, it goes on from here; --workers 1 takes the least memory"
        ) from None


def _key(task: Task[Result], item: Item) -> str:
    return task.key(item) if item.sha256 else f"file {item.clip.file}"


def _kept_results(
    task: Task[Result], items: Sequence[Item], journal: Journal | None
) -> dict[str, Result]:
    results: dict[str, Result] = {}
    for item in items if journal else ():
        assert journal
        key = _key(task, item)
        if item.sha256 and key in journal.results:
            result = task.from_fields(journal.results[key])
            if task.is_there(item, result):
                results[key] = result
    return results
