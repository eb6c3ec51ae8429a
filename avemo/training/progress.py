"""Which fits of a search are finished, and by which worker: a file a trial, a line a fit.

A trial that is resumed adds only the fits that were not finished before.
"""

from collections import Counter
from pathlib import Path

__all__ = ["TRIALS", "count_fits", "record_fit"]

#: the folder of the trials, in that of the search
TRIALS = "trials"
_FILE = "fits"


def record_fit(folder: Path, number: int, worker: str) -> None:
    """Record that a fit is finished, once.

    Args:
        folder: the trial's
        number: of the fit within the trial, from 1
        worker: that finished it
    """
    file = folder / _FILE
    if number > (len(file.read_text().splitlines()) if file.exists() else 0):
        with file.open("a") as lines:
            lines.write(f"{worker}\n")


def count_fits(scratch: Path) -> Counter[str]:
    """Return how many fits each worker has finished.

    Args:
        scratch: the search's folder
    """
    files = scratch.glob(f"{TRIALS}/trial_*/{_FILE}")
    return Counter(worker for file in files for worker in file.read_text().split())
