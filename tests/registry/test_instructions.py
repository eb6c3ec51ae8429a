"""Instructions for use say what avemo knows of a version, and what its deployer must complete."""

from pathlib import Path

import mlflow
import pytest
import yaml
from helpers.registered_versions import NAME, new_predictions, new_project, register_version
from helpers.shadow_reports import noted_clips, shadow_clip

from avemo.cli import main
from avemo.paths import Project
from avemo.registry.shadow_figures import make_report
from avemo.tracking.integrity import logged_model_id

#: of a candidate where the champion says sad
ANSWERS = ("sad",) * 9 + ("calm",)

pytestmark = pytest.mark.slow


@pytest.fixture
def project(registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    project = new_project(tmp_path / "project", max_latency_ratio=100.0)
    monkeypatch.setenv("AVEMO_ROOT", str(project.root))
    monkeypatch.chdir(tmp_path)
    return project


def test_a_champion_s_page(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = new_predictions(0.9)
    register_version(tmp_path / "version", rows, alias="candidate")
    assert main(["registry", "promote", "audio", "--force", "--reason", "a trial | of *it*"]) == 0
    capsys.readouterr()
    assert main(["registry", "instructions", "audio@champion"]) == 0
    text = (tmp_path / f"instructions-{NAME}-1.md").read_text()
    places = text.count("☐ **To complete:**")
    assert capsys.readouterr().out.endswith(
        f"complete the {places} places that are marked with ☐\n"
    )
    assert places >= 12
    women = int(rows["sex"].eq("female").sum())
    for expected in (
        f"# Instructions for use: {NAME} version 1\n",
        "☐ **To complete:** its purpose here",
        "| unweighted average recall (UAR) | 0.9",
        "| surprised | 32 | ",
        f"| women | {women} | ",
        "| UAR | 0.9",
        "champion by promote",
        r"a trial | of \*it\*",
        "not signed",
        "It was not compared with a champion on real requests",
        "Answers are not recorded",
        "Article 26(6)",
    ):
        assert expected in text, expected
    assert "ynthetic" not in text


def test_what_a_shadow_and_a_record_say(project: Project, tmp_path: Path) -> None:
    params = yaml.safe_load((project.root / "params.yaml").read_text())
    params["serving"] |= {"record": "answers", "record_days": 30, "purpose": "a study"}
    (project.root / "params.yaml").write_text(yaml.safe_dump(params))
    register_version(tmp_path / "version", new_predictions(0.9))
    clips = [shadow_clip("sad", answer, source=number) for number, answer in enumerate(ANSWERS)]
    report = make_report(noted_clips(clips))
    client = mlflow.MlflowClient()
    report.write(tmp_path / "shadow.json")
    version = client.get_model_version(NAME, "1")
    client.log_model_artifact(logged_model_id(version), str(tmp_path / "shadow.json"))
    assert main(["registry", "instructions", "audio/1"]) == 0
    text = (tmp_path / f"instructions-{NAME}-1.md").read_text()
    assert report.figures
    for expected in (
        "Its purpose here, as the service tells whoever asks: a study\n",
        f"it was compared with version {report.champion.number}, from",
        f"| {report.figures.agreement} |",
        "Each answer is recorded, for 30 days",
        "**That is less than the 183 days",
        "`avemo record corrections` shows which emotions are confused",
    ):
        assert expected in text, expected


def test_a_page_that_may_be_completed_is_never_overwritten(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register_version(tmp_path / "version", None, synthetic=True)
    page = tmp_path / "page.html"
    command = ["registry", "instructions", "audio/1", "-o", str(page)]
    assert main(command) == 0
    content = page.read_text()
    assert content.startswith("<!doctype html>")
    assert "The gate has not compared it" in content
    assert "there are no figures" in content
    assert "It knows no people" in content
    page.write_text("completed")
    capsys.readouterr()
    assert main(command) == 1
    assert f"{page} exists, and may have been completed" in capsys.readouterr().err
    assert page.read_text() == "completed"


@pytest.mark.parametrize(
    ("version", "output", "message"),
    [
        ("audio/7", "page.md", f"there is no models:/{NAME}/7"),
        ("audio", "page.md", "names no version: avemo-audio@champion or avemo-audio/3"),
        ("audio/1", "page.pdf", "page.pdf: a name that ends in .md or .html is expected"),
    ],
)
def test_what_cannot_be_written_is_one_line(
    project: Project,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    version: str,
    output: str,
    message: str,
) -> None:
    register_version(tmp_path / "version", None)
    capsys.readouterr()
    assert main(["registry", "instructions", version, "-o", output]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not Path(output).exists()


def test_a_damaged_check_is_one_line(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register_version(tmp_path / "version", new_predictions(0.9))
    assert main(["registry", "check", "audio"]) == 0
    client = mlflow.MlflowClient()
    version = client.get_model_version(NAME, "1")
    damaged = tmp_path / "check.json"
    damaged.write_text('{"rules": [{"rule"')
    client.log_model_artifact(logged_model_id(version), str(damaged))
    capsys.readouterr()
    assert main(["registry", "instructions", "audio/1"]) == 1
    assert "check.json of the version is damaged: `avemo registry check`" in capsys.readouterr().err
