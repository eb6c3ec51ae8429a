"""Clips that wait for the candidate, in a bounded number, and deleted when they have been asked."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from ...inference.prediction import Prediction
from .comparison import Comparison
from .cost import AnswerCost

__all__ = ["Backlog", "WaitingClip"]

_MAX_CLIPS = 16
#: of the spool's quota
_MAX_SHARE = 0.1


@dataclass(frozen=True)
class WaitingClip:
    """A clip that the champion has answered.

    Args:
        comparison: that it is of
        file: with its content; written by `bring` where the upload was in memory
        content: of an upload in memory; None where the file is there
        size: in bytes
        source: that the client names; None where it names none
        answer: the champion's
        cost: of that
    """

    comparison: Comparison
    file: Path
    content: bytes | None
    size: int
    source: bytes | None
    answer: Prediction
    cost: AnswerCost

    def bring(self) -> Path:
        """Return the file, once its content is there."""
        if self.content is not None:
            self.file.write_bytes(self.content)
        return self.file


class Backlog:
    """A folder of clips, below the spool's, which goes with the process.

    A clip takes no copy: the upload gets a second name, and stays after its request has deleted it.

    Args:
        parent: the spool's folder
        spool_bytes: its quota, of which the backlog takes a tenth at most
    """

    def __init__(self, parent: Path, spool_bytes: float) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="shadow-", dir=parent))
        self._max_bytes = spool_bytes * _MAX_SHARE
        self._numbers = count(1)
        self._clips = 0
        self._bytes = 0
        self._queue: asyncio.Queue[WaitingClip] = asyncio.Queue()

    def has_place(self, size: int) -> bool:
        """Return whether a clip of so many bytes may wait, too."""
        return self._clips < _MAX_CLIPS and self._bytes + size <= self._max_bytes

    def keep(self, media: Path | bytes, size: int) -> tuple[Path, bytes | None]:
        """Keep a clip, and return its file and what is to be written to it.

        Args:
            media: the upload's file, or its content
            size: in bytes

        Raises:
            OSError: the file cannot have a second name
        """
        file = self._folder / str(next(self._numbers))
        if isinstance(media, Path):
            os.link(media, file)
        self._clips += 1
        self._bytes += size
        return file, None if isinstance(media, Path) else media

    def add(self, clips: Iterable[WaitingClip]) -> None:
        """Let kept clips wait for the candidate, now that their answer has gone."""
        for clip in clips:
            self._queue.put_nowait(clip)

    async def next(self) -> WaitingClip:
        """Wait for a clip."""
        return await self._queue.get()

    def delete(self, clip: WaitingClip) -> None:
        """Forget a clip."""
        clip.file.unlink(missing_ok=True)
        self._clips -= 1
        self._bytes -= clip.size

    def close(self) -> None:
        """Delete all clips."""
        shutil.rmtree(self._folder, ignore_errors=True)
