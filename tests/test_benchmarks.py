"""The benchmarks that are published, and how they measure."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from avemo.errors import AvemoError
from avemo.faces.detectors import Face
from avemo.pretrained import assets
from avemo.templates import render
from benchmarks.__main__ import NAMES, PAGE, RESULTS, ROOT
from benchmarks.detectors import describe_distance
from benchmarks.environments import InstallError, installed_bytes, make_environment, run_child
from benchmarks.measuring import processor_s, spread_evenly
from benchmarks.results import BenchmarkResults, compare
from benchmarks.serving import copy_version


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


@pytest.mark.slow
def test_an_unknown_benchmark_is_refused_with_the_names_that_exist() -> None:
    command = [sys.executable, "-m", "benchmarks", "speed"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 2
    assert f"there is no speed; there are {', '.join(NAMES)}" in result.stderr


def test_a_comparison_is_of_the_medians_of_the_rounds() -> None:
    row = compare("a film", [2.0, 1.0, 9.0], [4.0, 3.0, 8.0], figure="{:.1f} s", target="at most 1")
    assert (row.ours, row.other, row.ratio) == ("2.0 s", "4.0 s", 0.5)


def test_a_comparison_with_what_is_not_there_says_why() -> None:
    row = compare("a film", [2.0], "no such package", figure="{:.1f} s", target="at most 1")
    assert (row.other, row.ratio) == ("not run: no such package", None)


def test_files_are_taken_from_the_whole_list() -> None:
    files = [Path(f"{number}.wav") for number in range(10)]
    assert [file.stem for file in spread_evenly(files, 3)] == ["0", "3", "6"]
    assert spread_evenly(files, 20) == files


def test_the_distance_of_points_is_a_share_of_the_face_where_both_detect_one() -> None:
    box, points = np.array([10, 10, 110, 130], np.float32), np.zeros((5, 2), np.float32)
    face = Face(box, points, 1.0)
    other = Face(box, points + np.array([3, 4], np.float32), 1.0)
    assert describe_distance([face, face, None], [other, None, other]) == "5.0"


def test_a_folder_without_a_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AvemoError, match="name the folder that holds its MLmodel"):
        copy_version(tmp_path, tmp_path / "copy")


@pytest.mark.slow
def test_processor_time_is_of_one_item() -> None:
    total_s = processor_s(lambda _: [sum(range(10**6)) for _ in range(20)], [1])
    assert 0 < processor_s(lambda _: sum(range(10**6)), range(20)) < total_s / 5


@pytest.mark.slow
def test_a_process_is_measured_without_the_one_that_starts_it() -> None:
    large = b"x" * 400_000_000  # this process holds it, and the other must not be charged for it
    script = (
        "import json; x = b'x' * 100_000_000; s = sum(range(10**7)); print(json.dumps({'s': s}))"
    )
    result = run_child(Path(sys.executable), "-c", script)
    assert result.output == {"s": 49999995000000}
    assert 100 < result.peak_mb < 200 < len(large) / 1e6
    assert 0.05 < result.processor_s < 10


def test_a_process_that_fails_says_how() -> None:
    with pytest.raises(RuntimeError, match="no luck"):
        run_child(Path(sys.executable), "-c", "raise SystemExit('no luck')")


@pytest.mark.slow
def test_an_environment_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(assets.CACHE, str(tmp_path / "cache"))
    requirements = tmp_path / "nothing.txt"
    requirements.write_text("# no package\n")
    environment = make_environment(requirements)
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "package.py").write_text("1234")
    assert make_environment(requirements) == environment
    assert installed_bytes(environment) == 4


@pytest.mark.slow
def test_packages_that_cannot_be_installed_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(assets.CACHE, str(tmp_path / "cache"))
    requirements = tmp_path / "missing.txt"
    requirements.write_text("--no-index\navemo-has-no-such-package==1.0\n")
    with pytest.raises(InstallError, match="avemo-has-no-such-package"):
        make_environment(requirements)
