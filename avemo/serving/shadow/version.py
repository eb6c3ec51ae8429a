"""The candidate, seen from the service: it answers in a process of its own."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal, NamedTuple

from ...errors import AvemoError
from ..versions.example import Row
from ..versions.loaded import LoadedVersion, Windows
from ..versions.trial import process_environment
from . import process as child
from .cost import AnswerCost

__all__ = ["CandidateFailure", "ProcessVersion", "ShadowAnswer"]

#: why a candidate has not answered
Reason = Literal["crash", "deadline", "error", "bad-answer"]

_LOOK_S = 0.1
#: far above an answer
_MAX_BYTES = 1_000_000


class CandidateFailure(AvemoError):
    """The candidate has given no answer.

    Args:
        reason: why
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


class ShadowAnswer(NamedTuple):
    """What the candidate has answered.

    Args:
        row: see `Prediction.to_row`; not checked
        cost: what it took
    """

    row: Row
    cost: AnswerCost


class ProcessVersion(LoadedVersion):
    """A version whose code runs in another process alone; it answers clips, and no timelines.

    Args:
        folder: with its files, which are as they were registered
        load_timeout_s: in which it must load and answer its example
        niceness: of the process

    Raises:
        AvemoError: it does not load, or does not answer its example as recorded
    """

    def __init__(self, folder: Path, load_timeout_s: float, niceness: int) -> None:
        self.folder = folder
        self._niceness = niceness
        self._load_timeout_s = load_timeout_s
        self._lock = threading.Lock()
        self._closed = False
        self._process: subprocess.Popen[bytes] | None = None
        self._start()

    def ask(
        self, media: Path, deadline_s: float, has_room: Callable[[], bool] = lambda: True
    ) -> ShadowAnswer:
        """Return the answer for a clip; a process that has ended is started again before.

        Args:
            media: the file
            deadline_s: in which it must answer, while there is room for it
            has_room: says whether the processor has nothing else to do

        Raises:
            CandidateFailure: it crashes, hangs, fails, or does not load any more
        """
        if self._process is None:
            try:
                self._start()
            except AvemoError:
                raise CandidateFailure("crash") from None
        try:
            self._connection.send_bytes(os.fsencode(media))
            message = self._receive(deadline_s, has_room)
        except TimeoutError:  # which is an OSError
            self._end()
            raise CandidateFailure("deadline") from None
        except (EOFError, OSError, ValueError):
            self._end()
            raise CandidateFailure("crash") from None
        if message.get("kind") != child.ROW:
            raise CandidateFailure("error")
        cost = AnswerCost()
        cost.answer_s = float(str(message["answer_s"]))
        cost.processor_s = float(str(message["processor_s"]))
        row = message["row"]
        if not isinstance(row, dict):
            raise CandidateFailure("bad-answer")
        return ShadowAnswer(row, cost)

    def answer_example(self) -> None:
        """Do nothing: the process has done so when it started."""

    def windows(self, window_s: float | None = None, hop_s: float | None = None) -> Windows:
        """Return the version's own windows."""
        return self._windows

    def close(self) -> None:
        """End the process; nothing may be asked afterwards."""
        self._closed = True
        self._end()

    def _start(self) -> None:
        ours, theirs = multiprocessing.Pipe()
        with self._lock:
            if self._closed:
                raise AvemoError("it is not compared any more")
            self._connection: Connection = ours
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    child.__name__,
                    str(self.folder),
                    str(theirs.fileno()),
                    str(self._niceness),
                ],
                env=process_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                process_group=0,  # and no session: Linux would give that its own share of the cores
            )
        theirs.close()
        try:
            message = self._receive(self._load_timeout_s)
            if message.get("kind") != child.READY:
                raise AvemoError(str(message.get("reason")))
            self._windows = Windows(float(str(message["window_s"])), float(str(message["hop_s"])))
        except TimeoutError:
            self._end()
            raise AvemoError(
                f"it did not load and answer within {self._load_timeout_s:g} s"
            ) from None
        except (EOFError, OSError, ValueError):
            how = self._end()
            raise AvemoError(f"it ended its process{how} while it loaded or answered") from None
        except AvemoError:
            self._end()
            raise

    def _receive(
        self, limit_s: float, has_room: Callable[[], bool] = lambda: True
    ) -> dict[str, object]:
        """Return the next message.

        Raises:
            TimeoutError: it does not come
            EOFError, OSError, ValueError: the process has ended, or writes something else
        """
        spent_s, last = 0.0, time.monotonic()
        while not self._connection.poll(_LOOK_S):
            if self._process is None or self._process.poll() is not None:
                raise EOFError
            now = time.monotonic()
            spent_s += (now - last) * has_room()
            last = now
            if spent_s > limit_s:
                raise TimeoutError
        message = json.loads(self._connection.recv_bytes(_MAX_BYTES))
        if not isinstance(message, dict):
            raise ValueError("no message")
        return message

    def _end(self) -> str:
        """End the process, and return by which signal it had ended; empty where by none."""
        with self._lock:
            process, self._process = self._process, None
            if process is None:
                return ""
            self._connection.close()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LOOK_S)
            code = process.returncode
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if process.stdin:
                process.stdin.close()
        return f" by {signal.Signals(-code).name}" if code and code < 0 else ""
