"""A version whose files were changed is found, and not answered with."""

import sys
from collections.abc import Callable
from pathlib import Path

import mlflow
import numpy as np
import pytest
from helpers.registered_versions import NAME, new_predictions, new_project, register_version

from avemo.cli import main
from avemo.media.sound import write_wav
from avemo.paths import Project
from avemo.tracking import integrity


@pytest.fixture
def project(tmp_path: Path, registry: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    created = new_project(tmp_path / "project")
    monkeypatch.setenv("AVEMO_ROOT", str(created.root))
    register_version(tmp_path / "a", new_predictions(0.8), alias="champion")
    write_wav(tmp_path / "clip.wav", np.sin(np.arange(16000) / 9) / 2, 16000)
    return created


def stored(folder: Path, name: str) -> Path:
    (file,) = (folder / "artifacts").rglob(name)
    return file


def add_byte(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b" ")


def add_beside(file: Path) -> None:
    file.with_name("more.py").write_text("")


CHANGES = {
    "a file": ("predictions.csv", add_byte, "predictions.csv is changed"),
    "the model's own": ("MLmodel", add_byte, "MLmodel is changed"),
    "one missing": ("lineage.json", lambda file: file.unlink(), "lineage.json is missing"),
    "one more": ("lineage.json", add_beside, "more.py is new"),
    "the list": ("checksums.json", add_byte, "checksums.json is changed"),
    "no list": ("checksums.json", lambda file: file.unlink(), "checksums.json is missing"),
}


@pytest.mark.parametrize(("name", "change", "message"), CHANGES.values(), ids=CHANGES)
def test_what_is_changed_is_named(
    project: Project,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    change: Callable[[Path], None],
    message: str,
) -> None:
    change(stored(tmp_path, name))
    assert main(["registry", "verify"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("avemo-audio version 1 (champion): ")
    assert out.rstrip().endswith(message)
    assert main(["predict", str(tmp_path / "clip.wav")]) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert "models:/avemo-audio/1 is not as it was registered" in line
    assert message in line


def test_what_mlflow_python_and_the_gate_write_later_is_no_change(
    project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    mlflow.MlflowClient().set_registered_model_alias(NAME, "candidate", "1")
    assert main(["registry", "check", "audio"]) == 0
    mlflow.pyfunc.load_model(f"models:/{NAME}/1")
    assert stored(tmp_path, "check.json").exists()
    assert [*(tmp_path / "artifacts").rglob("__pycache__/load.*.pyc")]
    copy = integrity.open_until_exit(f"models:/{NAME}/1")
    assert not [*copy.rglob("*.pyc")], "bytecode that anybody may have written is run"
    capsys.readouterr()
    assert main(["registry", "verify", "audio"]) == 0
    message = "avemo-audio version 1 (candidate, champion): every file is as it was registered\n"
    assert capsys.readouterr().out == message


@pytest.mark.slow
def test_a_version_from_before_there_were_checksums(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mlflow.MlflowClient().delete_model_version_tag(NAME, "1", integrity.CHECKSUMS_TAG)
    stored(tmp_path, "checksums.json").unlink()
    assert main(["registry", "verify"]) == 1
    assert "registered without checksums" in capsys.readouterr().out
    mlflow.MlflowClient().set_registered_model_alias(NAME, "candidate", "1")
    assert main(["registry", "promote"]) == 1
    assert "refused: files" in capsys.readouterr().out
    with integrity.open_verified(f"models:/{NAME}@champion") as folder:
        assert (folder / "MLmodel").exists()


def test_a_copy_that_a_model_is_loaded_from_stays(project: Project) -> None:
    """A model imports its own code when it first needs it."""
    folder = integrity.open_until_exit(f"models:/{NAME}@champion")
    with integrity.open_verified(f"models:/{NAME}@champion") as other:
        assert other != folder
    assert (folder / "MLmodel").exists()
    assert not other.exists()


def test_checksums_are_of_every_file(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("a", "b/c", "checksums.json", "check.md", "registered_model_meta"):
        (tmp_path / name).write_text(name)
    assert list(integrity.compute_checksums(tmp_path)) == ["a", "b/c"]
