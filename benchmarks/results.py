"""What benchmarks leave: benchmarks/results.json."""

from pydantic import Field

from avemo.schema import Record, Value

__all__ = ["Benchmark", "BenchmarkResults", "Comparison", "Machine"]


class Comparison(Value):
    """Our figure beside another, measured in the same run.

    Args:
        what: the thing that was measured
        ours: our figure, with its unit
        other: the other figure, with its unit
        ratio: of the two, so that `target` can be read against it
        target: what the ratio or our figure should be
        rounds: the figures of each round, by side
    """

    what: str
    ours: str
    other: str
    ratio: float
    target: str
    rounds: dict[str, list[float]] = Field(default_factory=dict)


class Benchmark(Value):
    """One benchmark.

    Args:
        about: what both sides are
        comparisons: its figures
        limit: what bounds our figures
    """

    about: str
    comparisons: list[Comparison]
    limit: str


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
