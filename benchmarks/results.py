"""What benchmarks leave: benchmarks/results.json."""

from collections.abc import Sequence
from statistics import median

from pydantic import Field

from avemo.schema import Record, Value

__all__ = ["Benchmark", "BenchmarkResults", "Comparison", "Machine", "Table", "compare"]


class Comparison(Value):
    """Our figure beside another, measured in the same run.

    Args:
        what: the thing that was measured
        ours: our figure, with its unit
        other: the other figure, with its unit, or why there is none
        ratio: of the two, so that `target` can be read against it; None without another figure
        target: what the ratio or our figure should be
        rounds: the figures of each round, by side
    """

    what: str
    ours: str
    other: str
    ratio: float | None
    target: str
    rounds: dict[str, list[float]] = Field(default_factory=dict)


def compare(
    what: str, ours: Sequence[float], other: Sequence[float] | str, *, figure: str, target: str
) -> Comparison:
    """Return the medians of two sides' rounds, and the ratio of ours to the other.

    Args:
        what: the thing that was measured
        ours: a figure a round
        other: a figure a round; or why the other side was not run
        figure: the format of a figure with its unit, such as `{:.2f} s`
        target: what the ratio or our figure should be
    """
    if isinstance(other, str):
        return Comparison(
            what=what,
            ours=figure.format(median(ours)),
            other=f"not run: {other}",
            ratio=None,
            target=target,
            rounds={"ours": list(ours)},
        )
    return Comparison(
        what=what,
        ours=figure.format(median(ours)),
        other=figure.format(median(other)),
        ratio=median(ours) / median(other),
        target=target,
        rounds={"ours": list(ours), "other": list(other)},
    )


class Table(Value):
    """Figures of several sides.

    Args:
        header: the name of each column
        rows: a row each side, its figures as they are shown
    """

    header: list[str]
    rows: list[list[str]]


class Benchmark(Value):
    """One benchmark.

    Args:
        about: what both sides are
        comparisons: its figures
        table: its figures, where more than two sides are compared
        limit: what bounds our figures
    """

    about: str
    comparisons: list[Comparison] = Field(default_factory=list)
    table: Table | None = None
    limit: str = ""


class Machine(Value):
    """Where benchmarks ran.

    Args:
        processor: its model
        cores: how many the process may use
        system: such as Linux
        python: version
        commit: of the code, short
        packages: versions by name
    """

    processor: str
    cores: int
    system: str
    python: str
    commit: str
    packages: dict[str, str]


class BenchmarkResults(Record):
    """`benchmarks/results.json`: the last run's machine, and each benchmark's latest figures."""

    machine: Machine
    benchmarks: dict[str, Benchmark]
