"""What the benchmarks run on, and how they take the time."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import TypeVar

import numpy as np

from avemo.corpus.folder import list_recordings
from avemo.settings import Sample
from avemo.synthetic import sample

__all__ = [
    "Options",
    "find_recordings",
    "gflops_of_core",
    "processor_s",
    "rate_per_s",
    "spread_evenly",
    "time_s",
]

Item = TypeVar("Item")


@dataclass(frozen=True)
class Options:
    """What the command line says.

    Args:
        recordings: a folder of RAVDESS files; None for the sample corpus
        before: the folder of an older version, an MLflow model; None where there is none
    """

    recordings: Path | None = None
    before: Path | None = None


def find_recordings(scratch: Path, folder: Path | None, suffix: str) -> tuple[list[Path], str]:
    """Return the recordings of one kind, and what the table calls them.

    Args:
        scratch: a folder for the sample corpus, if one is needed
        folder: RAVDESS files; None for the sample corpus
        suffix: of the files
    """
    name = "real RAVDESS recordings"
    if folder is None:
        folder, name = scratch / "sample", "the synthetic sample corpus"
        if not folder.exists():
            settings = Sample(
                actors=4,
                channels=["speech", "song"],
                intensities=["normal", "strong"],
                statements=1,
                repetitions=1,
            )
            sample.write_sample(folder, settings, seed=1)
    return [file for file in list_recordings(folder) if file.suffix == suffix], name


def spread_evenly(files: list[Path], count: int) -> list[Path]:
    """Return some of the files, or all, evenly spaced.

    Args:
        files: in order
        count: how many, at most
    """
    count = min(count, len(files))
    return [files[index * len(files) // count] for index in range(count)]


def time_s(function: Callable[[], object]) -> float:
    """Return how long a call takes, in seconds."""
    start = perf_counter()
    function()
    return perf_counter() - start


def processor_s(function: Callable[[Item], object], items: Collection[Item]) -> float:
    """Return the processor time of a function for an item, of all threads, in seconds."""
    start = process_time()
    for item in items:
        function(item)
    return (process_time() - start) / len(items)


def gflops_of_core() -> float:
    """Return how many billion operations a second a core does in a product of large matrices.

    NumPy must be limited to one thread. A network can hardly do more.
    """
    matrix = np.ones((1024, 1024), np.float32)
    _ = matrix @ matrix
    return 2 * 1024**3 / 1e9 / processor_s(lambda _: matrix @ matrix, range(10))


def rate_per_s(results: Iterator[object], warm_up: int) -> float:
    """Return results a second, without what starting and ending take.

    Args:
        results: they come one by one
        warm_up: how many come while the processes start
    """
    times = [perf_counter() for _ in results][warm_up:]
    return (len(times) - 1) / (times[-1] - times[0])
