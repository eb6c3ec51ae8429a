"""What the benchmarks run on, and how they take the time."""

from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter

from avemo.corpus.folder import list_recordings
from avemo.settings import Sample
from avemo.synthetic import sample

__all__ = ["find_recordings", "rate_per_s", "time_s"]


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


def time_s(function: Callable[[], object]) -> float:
    """Return how long a call takes, in seconds."""
    start = perf_counter()
    function()
    return perf_counter() - start


def rate_per_s(results: Iterator[object], warm_up: int) -> float:
    """Return results a second, without what starting and ending take.

    Args:
        results: they come one by one
        warm_up: how many come while the processes start
    """
    times = [perf_counter() for _ in results][warm_up:]
    return (len(times) - 1) / (times[-1] - times[0])
