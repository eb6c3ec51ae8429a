"""What a run writes down of what made it, how that is shown, and what differs between two."""

import copy
import json
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import mlflow
import pytest
import yaml
from helpers.git_repository import RAW, RECORDINGS, git, new_repository
from helpers.registered_versions import NAME, ROOT, register_version

from avemo.cli import main
from avemo.config import load_settings
from avemo.paths import Project
from avemo.registry import lineage
from avemo.registry.differences import find_differences
from avemo.tracking import dvc_lock, git_state, runs
from avemo.tracking.lineage import Lineage, ModelChoice


@pytest.fixture
def project(tmp_path: Path, registry: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project in a repository, whose data a dvc.lock and a cache tell of."""
    created = new_repository(tmp_path / "project")
    monkeypatch.setenv("AVEMO_ROOT", str(created.root))
    return created


def start_and_end_run(project: Project, **fields: Any) -> str:
    settings = load_settings(project.root)
    with runs.run(project, settings, "train@audio", "audio", "train", **fields) as run:
        pass
    return str(run.info.run_id)


@pytest.mark.slow
def test_what_a_run_writes_down(project: Project) -> None:
    choice = ModelChoice(search_run_id="s", members=[])
    run_id = start_and_end_run(project, choice=choice)
    record = lineage.read_lineage(f"runs:/{run_id}")
    assert record.commit == git(project.root, "rev-parse", "HEAD")
    assert (record.dirty, record.diff, record.stage) == (False, "", "train@audio")
    assert record.data == {
        path: path[::-1] for path in ("data/split.csv", "features/audio", "results/search/audio")
    }
    before = {"fetch", "catalogue", "split", "audio-features", "search@audio"}
    assert set(record.upstream) == before
    assert record.upstream["audio-features"].deps == {
        "avemo/features": "serutaef/omeva",
        "data/raw": RAW,
    }
    assert record.recordings == RECORDINGS
    assert record.settings["seed"] == record.seed == load_settings(project.root).seed
    assert record.packages["numpy"] == installed("numpy")
    assert record.machine.cores > 0
    assert (record.run_id, record.choice, record.protocol) == (run_id, choice, "actor")
    run = mlflow.get_run(run_id)
    assert run.data.tags["avemo.dirty"] == "false"
    assert run.data.tags["avemo.split"] == record.split_id
    assert run.inputs is not None
    inputs = {data.dataset.name: data.dataset.digest for data in run.inputs.dataset_inputs}
    assert inputs == record.data
    names = {file.path for file in mlflow.MlflowClient().list_artifacts(run_id)}
    assert names == {"lineage.json", "dvc.lock", "params.yaml"}


@pytest.mark.slow
def test_the_lineage_of_a_part_is_that_of_its_run(project: Project) -> None:
    with (
        runs.run(project, load_settings(project.root), "search@audio", "audio", "search") as run,
        runs.child(run, "trial", {}) as child,
    ):
        pass
    assert lineage.read_lineage(f"runs:/{child.info.run_id}").run_id == run.info.run_id


def test_what_was_not_committed_can_be_put_back(project: Project, tmp_path: Path) -> None:
    (project.root / "avemo/code.py").write_bytes("one = 'ä'\n".encode("latin-1"))
    (project.root / "avemo/more.py").write_text("two = 2\n")
    (project.root / "notes.txt").write_text("no code, and not Git's\n")
    run_id = start_and_end_run(project)
    assert lineage.read_lineage(f"runs:/{run_id}").dirty
    diff = mlflow.artifacts.download_artifacts(
        f"runs:/{run_id}/uncommitted.diff", dst_path=str(tmp_path / "got")
    )
    git(project.root, "worktree", "add", "--quiet", "--detach", str(tmp_path / "tree"))
    git(tmp_path / "tree", "apply", diff)
    for name in ("avemo/code.py", "avemo/more.py"):
        assert (tmp_path / "tree" / name).read_bytes() == (project.root / name).read_bytes()
    assert not (tmp_path / "tree/notes.txt").exists()


def test_a_lock_that_is_not_committed_is_no_change_of_the_code(project: Project) -> None:
    (project.root / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    assert not git_state.read(project.root).dirty
    assert dvc_lock.read(project).data("train@audio") == {}
    assert dvc_lock.read(project).recordings == {}


def test_outside_a_repository(tmp_path: Path) -> None:
    assert git_state.read(tmp_path).commit == ""
    assert not git_state.read(tmp_path).dirty


def test_the_tree_reaches_the_recordings_and_cuts_long_lists(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = start_and_end_run(project)
    assert main(["lineage", f"runs:/{run_id}"]) == 0
    lines = [line.lstrip("│├└─ ") for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == f"runs:/{run_id}, trained on the synthetic sample"
    assert f"data/raw  md5 {RAW}, by fetch" in lines
    at = lines.index("12 recordings")
    assert lines[at + 1 : at + 11] == [
        f"{n}  md5 {md5}" for n, md5 in list(RECORDINGS.items())[:10]
    ]
    assert lines[at + 11] == "and 2 more"
    assert lines.count("12 recordings") == 1
    assert main(["lineage", f"runs:/{run_id}", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["recordings"] == RECORDINGS


@pytest.mark.slow
def test_what_differs_in_words(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    first = start_and_end_run(project)
    uris = [f"runs:/{first}", f"runs:/{start_and_end_run(project)}"]
    assert main(["lineage", "--diff", *uris]) == 0
    assert capsys.readouterr().out == "nothing differs\n"
    (project.root / "avemo/code.py").write_text("one = 2\n")
    params = yaml.safe_load((project.root / "params.yaml").read_text())
    params["baselines"]["epochs"] = 3
    (project.root / "params.yaml").write_text(yaml.safe_dump(params))
    git(project.root, "commit", "--quiet", "-am", "two")
    assert main(["lineage", "--diff", uris[0], f"runs:/{start_and_end_run(project)}"]) == 0
    before, now = git(project.root, "log", "--format=%H", "--reverse").splitlines()
    epochs = load_settings(ROOT).baselines.epochs
    assert capsys.readouterr().out.splitlines() == [
        "code",
        f"  commit: {before}, then {now}",
        "settings",
        f"  baselines.epochs: {epochs}, then 3",
    ]


def test_each_kind_of_difference(project: Project) -> None:
    first = lineage.read_lineage(f"runs:/{start_and_end_run(project)}")
    assert find_differences(first, first) == {}
    fields = copy.deepcopy(first.model_dump())
    del fields["recordings"]["Actor_01/03-01-01-01-01-01-01.wav"]
    fields["recordings"]["Actor_01/03-01-01-01-01-01-02.wav"] = "0"
    fields["recordings"]["new.wav"] = "1"
    fields["data"]["data/split.csv"] = "2"
    fields["upstream"]["audio-features"]["deps"]["avemo/features"] = "3"
    fields["packages"]["numpy"] = "1.0"
    fields["machine"]["processor"] = "other"
    fields |= {"dirty": True, "diff": "4", "protocol": "random"}
    second = Lineage.model_validate(fields)
    assert find_differences(first, second) == {
        "data": [
            "protocol: actor, then random",
            "recordings, 1 new: new.wav",
            "recordings, 1 gone: Actor_01/03-01-01-01-01-01-01.wav",
            "recordings, 1 changed: Actor_01/03-01-01-01-01-01-02.wav",
            "data/split.csv has another content",
        ],
        "code": [
            "changes that were not committed: in the second, see uncommitted.diff",
            "code and sources of stage audio-features, 1 changed: avemo/features",
        ],
        "packages": [f"numpy: {installed('numpy')}, then 1.0"],
        "machine": [f"processor: {first.machine.processor}, then other"],
    }


def test_mistakes_are_told_in_a_sentence(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lineage"]) == 2
    assert "either a URI or --diff A B is expected" in capsys.readouterr().err
    for uri in ("runs:/0", "models:/avemo-audio@champion", "avemo-audio"):
        assert main(["lineage", uri]) == 1
        error = capsys.readouterr().err
        assert error.startswith(f"avemo: {uri} has no lineage at sqlite:///")
        assert len(error.splitlines()) == 1
    number = register_version(tmp_path / "a", None)
    assert main(["lineage", f"models:/{NAME}/{number}"]) == 1
    assert "carries no lineage: it was registered before there was any" in capsys.readouterr().err
