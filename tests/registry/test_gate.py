"""What the gate says of a candidate, rule by rule, and that a version keeps it."""

import json
from pathlib import Path
from typing import Any

import mlflow
import pytest
from helpers.registered_versions import NAME, new_predictions, new_project, register_version

from avemo.cli import main
from avemo.config import load_settings
from avemo.errors import AvemoError, SettingsError
from avemo.paths import Project
from avemo.registry import gate
from avemo.tracking import integrity


@pytest.fixture
def project(tmp_path: Path, registry: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    created = new_project(tmp_path / "project")
    monkeypatch.setenv("AVEMO_ROOT", str(created.root))
    return created


def verdicts(check: gate.Check) -> dict[str, str]:
    return {row.rule: row.verdict for row in check.rules}


def test_a_first_candidate_is_held_against_the_floors(project: Project, tmp_path: Path) -> None:
    register_version(tmp_path / "a", new_predictions(0.8))
    check = gate.check_candidate(project, load_settings(project.root), NAME)
    assert check.result == "passed"
    results = verdicts(check)
    assert {rule for rule, verdict in results.items() if verdict == "no champion"} == {
        "UAR less the champion's",
        "time of an answer",
        "size",
        "classes",
        "signature",
        "split",
    }
    assert {rule for rule, verdict in results.items() if verdict == "pass"} == {
        "features",
        "UAR",
        "worst emotion",
        "calibration error",
        "UAR of women and men",
        "corpus",
        "lineage",
        "tree that trained it",
        "files",
    }


@pytest.mark.slow
def test_what_a_version_keeps_of_its_check(project: Project, tmp_path: Path) -> None:
    number = register_version(tmp_path / "a", new_predictions(0.4))
    check = gate.check_candidate(project, load_settings(project.root), NAME)
    version = mlflow.MlflowClient().get_model_version(NAME, number)
    assert version.tags["avemo.check"] == check.result
    assert check.result.startswith("refused: UAR")
    assert version.tags["avemo.check.champion"] == "none"
    folder = mlflow.artifacts.download_artifacts(f"models:/{NAME}/{number}", dst_path=str(tmp_path))
    written = json.loads((tmp_path / "check.json").read_text())
    assert [row["rule"] for row in written["rules"]] == [row.rule for row in check.rules]
    assert "| UAR | " in (tmp_path / "check.md").read_text()
    assert integrity.verify_version(version) == [], folder
    assert gate.check_candidate(project, load_settings(project.root), NAME).result == check.result


@pytest.mark.slow
def test_a_worse_candidate_is_refused_and_a_like_one_passes(
    project: Project, tmp_path: Path
) -> None:
    register_version(tmp_path / "a", new_predictions(0.85), alias="champion")
    register_version(tmp_path / "b", new_predictions(0.6, seed=2))
    refused = gate.check_candidate(project, load_settings(project.root), NAME)
    assert "UAR less the champion's" in refused.refused_rules
    register_version(tmp_path / "c", new_predictions(0.85, seed=1))
    passed = gate.check_candidate(project, load_settings(project.root), NAME)
    assert passed.result == "passed"
    assert set(verdicts(passed).values()) == {"pass", "no prior"}  # it hears


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"split_id": "s2"}, "split"),
        ({"classes": ["calm", "happy"]}, "classes"),
        ({"synthetic": True}, "corpus"),
        ({"lineage": {"data": {}}}, "lineage"),
        ({"lineage": {"dirty": True}}, "tree that trained it"),
    ],
    ids=str,
)
def test_each_of_these_alone_refuses(
    project: Project, tmp_path: Path, changed: dict[str, Any], rule: str
) -> None:
    table = new_predictions(0.85)
    register_version(tmp_path / "a", table, alias="champion")
    register_version(tmp_path / "b", table, **changed)
    assert gate.check_candidate(project, load_settings(project.root), NAME).refused_rules == [rule]


@pytest.mark.slow
def test_a_candidate_without_a_test_part(project: Project, tmp_path: Path) -> None:
    register_version(tmp_path / "a", new_predictions(0.85), alias="champion")
    register_version(tmp_path / "b", None)
    check = gate.check_candidate(project, load_settings(project.root), NAME)
    assert {"UAR", "worst emotion", "UAR less the champion's"} <= set(check.refused_rules)


def test_figures_of_the_synthetic_sample_refuse_nothing(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register_version(tmp_path / "a", new_predictions(0.3), synthetic=True)
    assert main(["registry", "check", "audio"]) == 0
    out = capsys.readouterr().out
    assert "SYNTHETIC SAMPLE: no statement about accuracy" in out
    rows = [line for line in out.splitlines() if line.endswith(" synthetic")]
    names = ("UAR ", "worst emotion ", "calibration error ", "UAR of women and men ")
    assert all(any(row.startswith(name) for row in rows) for name in names)
    assert " refused\n" not in out
    assert out.count(" no prior\n") == 1


def test_the_command_says_why_and_ends_with_1(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register_version(tmp_path / "a", new_predictions(0.3))
    assert main(["registry", "check"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "avemo-audio version 1 without another champion"
    assert lines[1].split() == ["rule", "candidate", "champion", "limit", "verdict"]
    assert lines[3].startswith("UAR ")
    assert "at least 0.5" in lines[3]
    assert lines[3].endswith("refused")
    assert lines[-1].startswith("avemo-audio version 1: refused: UAR")


def test_a_model_that_there_is_not(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["registry", "check"]) == 1
    assert "no candidate of avemo-audio or avemo-visual" in capsys.readouterr().err
    assert main(["registry", "check", "smell"]) == 1
    assert "audio, visual, fused are expected" in capsys.readouterr().err


def test_a_candidate_whose_files_were_changed(project: Project, tmp_path: Path) -> None:
    register_version(tmp_path / "a", new_predictions(0.8))
    (file,) = (tmp_path / "artifacts").rglob("predictions.csv")
    file.write_text(file.read_text().replace("0.8", "0.9", 1))
    with pytest.raises(AvemoError, match=r"not as it was registered: .*predictions.csv is changed"):
        gate.check_candidate(project, load_settings(project.root), NAME)


def test_limits_are_settings(tmp_path: Path) -> None:
    created = new_project(tmp_path, min_uar=1.5)
    with pytest.raises(SettingsError, match=r"promotion\.min_uar"):
        load_settings(created.root)
