"""The benchmarks that are published."""

import subprocess
import sys

from avemo.templates import render
from benchmarks.__main__ import NAMES, PAGE, RESULTS, ROOT
from benchmarks.results import BenchmarkResults


def test_the_page_shows_the_results() -> None:
    results = BenchmarkResults.read(RESULTS)
    assert set(results.benchmarks) == set(NAMES)
    page = render(
        "benchmarks",
        "benchmarks.md.j2",
        machine=results.machine,
        benchmarks=results.benchmarks,
    )
    assert PAGE.read_text(encoding="utf-8") == page


def test_an_unknown_benchmark_is_refused_with_the_names_that_exist() -> None:
    command = [sys.executable, "-m", "benchmarks", "speed"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 2
    assert "there is no speed; there are audio, faces, incremental, memory" in result.stderr
