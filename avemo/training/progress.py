"""Which fits of a search are finished, and by whom: a file a trial, a line a fit.

A trial that is taken up again adds only what it had not finished before.
"""

from collections import Counter
from pathlib import Path

__all__ = ["TRIALS", "add", "finished"]

#: the folder of the trials, in that of the search
TRIALS = "trials"
_FILE = "fits"


def add(folder: Path, number: int, worker: str) -> None:
    """Note that a fit is finished.

    Args:
        folder: the trial's
        number: of the fit within the trial, from 1
        worker: who finished it
    """
    file = folder / _FILE
    if number > (len(file.read_text().splitlines()) if file.exists() else 0):
        with file.open("a") as lines:
            lines.write(f"{worker}\n")


def finished(scratch: Path) -> Counter[str]:
    """How many fits each worker has finished.

    Args:
        scratch: the search's folder
    """
    files = scratch.glob(f"{TRIALS}/trial_*/{_FILE}")
    return Counter(worker for file in files for worker in file.read_text().split())
