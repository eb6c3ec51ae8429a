"""A new version, tried in a process of its own: if it crashes or hangs, the service does not.

The process has neither the service's keys nor the registry's passwords in its environment.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from ...errors import AvemoError, last_line

__all__ = ["process_environment", "try_in_process"]

#: what a process needs of the environment
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "AVEMO_CACHE")
#: of Linux's `prctl`
_PR_SET_PDEATHSIG = 1
#: below the requests under way
_NICENESS = 10


def try_in_process(folder: Path, timeout_s: float) -> None:
    """Let a version load and answer its example in a process of its own.

    Args:
        folder: with its files, which are as they were registered
        timeout_s: after which the process is killed

    Raises:
        AvemoError: it does not, and why
    """
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, str(folder)],
        env=process_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        raise AvemoError(f"it did not load and answer within {timeout_s:g} s") from None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.returncode < 0:
        name = signal.Signals(-process.returncode).name
        raise AvemoError(f"it ended its process by {name} while it loaded or answered")
    if process.returncode:
        raise AvemoError(last_line(errors))
    with suppress(ValueError, KeyError):
        if json.loads(last_line(output))["answers"]:
            return
    raise AvemoError("it wrote something else in place of its answer")


def process_environment() -> dict[str, str]:
    """Return the environment of a process that runs a version's code, without any secret."""
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    return environment


def _main(folder: Path) -> None:
    os.nice(_NICENESS)
    _end_with_parent()
    from .loaded import LoadedVersion

    start = time.perf_counter()
    version = LoadedVersion(folder, decoders=1)
    try:
        version.answer_example()
    finally:
        version.close()
    elapsed_s = time.perf_counter() - start
    sys.stdout.write(f"\n{json.dumps({'answers': True, 'elapsed_s': elapsed_s})}\n")
    sys.stdout.flush()
    os._exit(0)  # whatever the version has started does not hold it


def _end_with_parent() -> None:
    """Let this process be killed when the service ends, where the system can."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    try:
        _main(Path(sys.argv[1]))
    except Exception as error:
        sys.exit(str(error) or type(error).__name__)
