"""Looks at a folder again and again, and predicts for each file that is complete."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from ...errors import AvemoError, MediaError
from ...media.container import MediaFile
from ...paths import find_project
from ...registry import version_cache
from ...registry.own_code import RECOGNISER_FOLDER
from ...registry.pinned import PinnedVersions
from ...tracking import integrity
from ..batch.clips import NamedClip
from ..batch.predict import BatchRow, PredictClips
from ..batch.task import Item, identify_clip
from .landing import LandedFile, Landing
from .measures import Measurer
from .rows import WatchedFile, WatchedRows
from .run_log import RunLog

__all__ = ["Watcher"]

log = logging.getLogger(__name__)


class Watcher:
    """Predicts for the media files that land in a folder, each once.

    Each round asks the registry which versions answer: a file gets the champion of its time.

    Args:
        folder: that files land in, with its subfolders
        output: the folder that the rows are in, where the run's id is kept
        rows: gets the rows
        model: URI of one model for all files; None for the champions
        settle_s: a file is complete after its size and time of change were the same for so long
        every_s: between two looks at the folder
        show: is called with each new row
    """

    def __init__(
        self,
        folder: Path,
        output: Path,
        rows: WatchedRows,
        *,
        model: str | None,
        settle_s: float,
        every_s: float,
        show: Callable[[WatchedFile], None],
    ) -> None:
        self._landing = Landing(folder, settle_s)
        self._rows = rows
        self._model = model
        self._every_s = min(every_s, settle_s) if settle_s else every_s
        self._show = show
        self._task: PredictClips | None = None
        self._versions: PinnedVersions | None = None
        self._measurers: dict[str, Measurer] = {}
        self._done = set(rows.files)
        self._unusable: set[Path] = set()  # of which it was said already
        self._folder, self._output = folder.absolute(), output
        self._run_log: RunLog | None = None
        self.new_rows = 0

    def run(self, stop: Event, *, once: bool = False) -> None:
        """Watch until `stop` is set; with `once`, until all files that are there have a row.

        The file that is just computed is finished first.

        Raises:
            AvemoError: no model can answer
        """
        try:
            self._write()
            while not stop.is_set():
                files, more = self._landing.poll(self._done)
                for path in self._landing.unusable:
                    self._report_unusable(path)
                if files:
                    self._follow_registry()
                for file in files:
                    if stop.is_set():
                        break
                    self._take(file)
                self._write()
                if once and not more:
                    break
                stop.wait(self._every_s)
        finally:
            self._write()
            if self._run_log:
                self._run_log.end()

    def _take(self, file: LandedFile) -> None:
        item = identify_clip(NamedClip(str(file.path.absolute()), file.below))
        if not item.sha256:  # it is gone, or cannot be read yet
            self._report_unusable(file.path)
            return
        self._done.add(file.stamp)
        if any(known.file == file.below for known in self._rows.with_content(item.sha256)):
            return  # its time was changed, its content was not
        row = self._answer(item)
        if row.prediction.finding == "changed":
            self._done.discard(file.stamp)
            return
        watched = WatchedFile(
            stamp=file.stamp,
            file=file.below,
            sha256=item.sha256,
            landed_at=datetime.now(UTC).isoformat(timespec="seconds"),
            row=row,
            measures=self._measurer(row).measure(item.path),
        )
        self._rows.add(watched)
        self.new_rows += 1
        self._show(watched)

    def _report_unusable(self, path: Path) -> None:
        """Say once what is wrong with a path that is no file, or that cannot be read."""
        if path in self._unusable or not os.path.lexists(path):
            return
        self._unusable.add(path)
        try:
            MediaFile(path).close()
        except MediaError as error:
            log.warning(f"avemo: {path}: {error.finding}: {error}")

    def _answer(self, item: Item) -> BatchRow:
        """Return the row of a file, computed unless its content has one from these versions."""
        assert self._versions
        assert self._task
        identities = self._versions.identities.values()
        for known in self._rows.with_content(item.sha256):
            if known.row.version in identities:
                return known.row
        return self._task(item)

    def _follow_registry(self) -> None:
        """Take the versions that the registry names now; without a registry, keep those before."""
        try:
            versions = PinnedVersions.resolve(self._model)
        except AvemoError as error:
            if self._versions is None:
                raise
            log.warning(f"avemo: {error}; the versions before answer on")
            return
        if self._versions is None or versions.key != self._versions.key:
            self._versions, self._task = versions, PredictClips(versions)

    def _measurer(self, row: BatchRow) -> Measurer:
        label = row.prediction.model
        if label not in self._measurers:
            self._measurers[label] = Measurer(self._model_folder(label))
        return self._measurers[label]

    def _model_folder(self, label: str) -> Path | None:
        version = self._versions.find(label) if self._versions else None
        if version is None or integrity.CHECKSUMS_TAG not in version.tags:
            return None
        return version_cache.get(version) / RECOGNISER_FOLDER

    def _write(self) -> None:
        self._rows.write_part()
        if not self._rows.files:
            return
        if self._run_log is None:
            self._run_log = RunLog(find_project(), self._folder, self._output)
        self._run_log.update(list(self._rows.files.values()), self._rows.parts())
