"""The process in which the candidate answers: if it crashes or hangs, the service does not.

It has neither the service's keys nor the registry's passwords in its environment, and takes only
the time of the processor that nobody else wants.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from ...errors import AvemoError

__all__ = ["ERROR", "READY", "ROW"]

#: what a message of the process is: it has loaded the version; an answer; why there is none
READY, ROW, ERROR = "ready", "row", "error"


#: below the requests under way, and above others that would keep it from loading
_LOADING_NICENESS = 10


def _main(folder: Path, connection: Connection, niceness: int) -> None:
    os.nice(min(niceness, _LOADING_NICENESS))
    threading.Thread(target=_end_with_service, daemon=True).start()
    from ..job import Job
    from ..versions.loaded import LoadedVersion
    from .cost import AnswerCost

    def send(**message: object) -> None:
        connection.send_bytes(json.dumps(message).encode())

    try:
        version = LoadedVersion(folder, decoders=1)
        version.answer_example()
        windows = version.windows()
    except AvemoError as error:
        send(kind=ERROR, reason=str(error))
        return
    # of those that decode for it, too
    os.setpriority(os.PRIO_PGRP, 0, niceness)
    send(kind=READY, window_s=windows.window_s, hop_s=windows.hop_s)
    while True:
        media = Path(os.fsdecode(connection.recv_bytes()))
        cost = AnswerCost()
        try:
            with cost.measured():
                row = version.answer(media, Job())
            send(kind=ROW, row=dict(row), **vars(cost))
        except (AvemoError, TypeError, ValueError) as error:  # or its answer is no JSON
            send(kind=ERROR, reason=type(error).__name__)


def _end_with_service() -> None:
    """End this process and those that decode for it when the service ends, however it does."""
    sys.stdin.buffer.read()
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.dont_write_bytecode = True  # among a version's files, it would be a change
    with suppress(EOFError, ConnectionError):
        _main(Path(sys.argv[1]), Connection(int(sys.argv[2])), int(sys.argv[3]))
    os._exit(0)  # whatever the version has started does not hold it
