"""What the benchmarks run on."""

from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

from avemo.corpus.folder import list_recordings
from avemo.settings import Sample
from avemo.synthetic import sample

SAMPLE = "the synthetic sample corpus"
GIVEN = "real RAVDESS recordings"


def found(scratch: Path, given: Path | None, suffix: str) -> tuple[list[Path], str]:
    """The files of one kind, and what they are called in the table."""
    if given is None:
        folder = scratch / "sample"
        if not folder.exists():
            sample.write_sample(folder, Sample(actors=4, statements=1, repetitions=1), seed=1)
        return [file for file in list_recordings(folder) if file.suffix == suffix], SAMPLE
    return [file for file in list_recordings(given) if file.suffix == suffix], GIVEN


def timed(function: Callable[[], object]) -> float:
    """Seconds."""
    start = perf_counter()
    function()
    return perf_counter() - start


def pace(results: Iterator[object], skipped: int) -> float:
    """Results a second once running: without what starting and ending took.

    Args:
        results: they come one by one
        skipped: how many come while the processes start
    """
    times = [perf_counter() for _ in results][skipped:]
    return (len(times) - 1) / (times[-1] - times[0])


def middle(values: list[float]) -> float:
    """The median."""
    return float(median(values))
