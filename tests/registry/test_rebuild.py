"""A version is made again from what it says made it, and nothing is left of that."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from itertools import product
from pathlib import Path

import pandas as pd
import pytest
import yaml
from helpers.bundles import bundle_config
from helpers.checkout import RUN_MODULES
from helpers.git_repository import git, new_repository
from helpers.lineage import new_lineage
from helpers.probabilities import PROBABILITIES
from helpers.registered_versions import ROOT, new_predictions
from helpers.sounds import encoded, voice

from avemo.config import load_settings
from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.errors import AvemoError
from avemo.models.bundle import CONFIG_FILE
from avemo.paths import Project
from avemo.records import Skipped
from avemo.registry.checkout import checkout
from avemo.registry.provenance import write_provenance
from avemo.registry.rebuild import compare_predictions, rebuild_from_provenance
from avemo.tracking.integrity import compute_checksums
from avemo.tracking.lineage import Lineage

URI = "models:/avemo-audio@champion"


def test_predictions_held_against_recorded_ones() -> None:
    table = new_predictions(0.8, actors=2)
    shuffled = table.sample(frac=1, random_state=1)
    assert str(compare_predictions(table, shuffled)) == "identical"
    other = table.copy()
    other.loc[0, PROBABILITIES] = 0.125
    other.loc[0, "p_sad"] = 0.25
    comparison = compare_predictions(table, other)
    apart = (table.loc[0, PROBABILITIES] - other.loc[0, PROBABILITIES]).abs().max()
    assert comparison.max_difference == pytest.approx(apart)
    assert str(comparison) == (
        f"differs by {apart:.2g}, the largest difference of a probability; "
        f"{len(table) - 1} of {len(table)} answers agree"
    )
    nearly = table.copy()
    nearly["p_sad"] = nearly["p_sad"].astype("f") + 1e-7
    assert not compare_predictions(table, nearly).identical
    with pytest.raises(AvemoError, match=f"held {len(table)} performances and now holds 3"):
        compare_predictions(table, table.head(3))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A repository, and an empty folder for what is temporary."""
    created = new_repository(tmp_path / "project")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    return created


def lineage_of(project: Project, **changed: object) -> Lineage:
    commit = git(project.root, "rev-parse", "HEAD")
    settings = load_settings(project.root).model_dump(mode="json")
    return new_lineage(**({"commit": commit, "settings": settings, "data": {}} | changed))


def require_clean(root: Path, temporary: Path) -> None:
    assert git(root, "worktree", "list").count("\n") == 0
    # TensorFlow leaves the bytecode of the functions that it traces
    assert [file.name for file in temporary.iterdir() if file.name != "__pycache__"] == []


def test_what_is_checked_out_is_as_it_was(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit, what was not committed then, the settings and the lock; not what is there now."""
    monkeypatch.setattr("avemo.registry.checkout._restore_data", lambda *arguments: None)
    (project.root / "avemo/code.py").write_text("one = 2\n")
    (tmp_path / "artifacts").mkdir()
    diff = subprocess.check_output(["git", "-C", project.root, "diff"])
    (tmp_path / "artifacts/uncommitted.diff").write_bytes(diff)
    (tmp_path / "artifacts/dvc.lock").write_text("stages: {}\n")
    (project.root / "avemo/code.py").write_text("one = 3\n")
    before = git(project.root, "status", "--porcelain")
    lineage = lineage_of(project, dirty=True)
    lineage.settings["seed"] = 5
    with checkout(project, lineage, tmp_path / "artifacts") as old_project:
        assert (old_project.root / "avemo/code.py").read_text() == "one = 2\n"
        assert load_settings(old_project.root).seed == 5
        assert (old_project.root / "dvc.lock").read_text() == "stages: {}\n"
    assert (project.root / "avemo/code.py").read_text() == "one = 3\n"
    assert git(project.root, "status", "--porcelain") == before
    require_clean(project.root, tmp_path / "temporary")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"commit": ""}, "trained outside Git"),
        ({"commit": "0" * 40}, "commit 0000000000000000000000000000000000000000 is not in this"),
        pytest.param(
            {"data": {"data/split.csv": "0"}},
            "not all of data/split.csv is in DVC's cache, and no",
            marks=pytest.mark.slow,
        ),
        ({"dirty": True}, "do not apply to commit"),
    ],
    ids=["no commit", "commit", "data", "changes"],
)
def test_what_is_missing_is_said(
    project: Project, tmp_path: Path, changed: dict[str, object], message: str
) -> None:
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts/dvc.lock").write_bytes((project.root / "dvc.lock").read_bytes())
    (tmp_path / "artifacts/uncommitted.diff").write_text("no diff\n")
    with (
        pytest.raises(AvemoError, match=message),
        checkout(project, lineage_of(project, **changed), tmp_path / "artifacts"),
    ):
        pass
    require_clean(project.root, tmp_path / "temporary")


@pytest.mark.slow
def test_a_provenance_leads_to_the_commit_and_to_its_data(
    project: Project, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, file = tmp_path / "version", tmp_path / "provenance.intoto.json"
    folder.mkdir()
    lineage_of(project, data={"data/split.csv": "0"}).write(folder / "lineage.json")
    bundle_config().write(folder / CONFIG_FILE)
    (folder / "dvc.lock").write_bytes((project.root / "dvc.lock").read_bytes())
    new_predictions(0.8, actors=2).to_csv(folder / "predictions.csv", index=False)
    (folder / "checksums.json").write_text(json.dumps(compute_checksums(folder)))
    write_provenance(folder, file, "")
    shutil.rmtree(folder)
    caplog.set_level("INFO")
    with pytest.raises(AvemoError, match=r"not all of data/split\.csv is in DVC's cache, and no"):
        rebuild_from_provenance(project, file)
    commit = git(project.root, "rev-parse", "HEAD")
    assert f"{file}: stage train@audio at commit {commit}" in caplog.text
    require_clean(project.root, tmp_path / "temporary")


class Tiny:
    """The project's own code on 48 short sounds, with the smallest of trainings."""

    def __init__(self, folder: Path) -> None:
        self.root, self.temporary = folder / "project", folder / "temporary"
        self.temporary.mkdir()
        listed = subprocess.check_output(
            ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True
        )
        for name in listed.splitlines():
            source, target = ROOT / name, self.root / name
            if source.is_file() and name != "dvc.lock":
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(source.read_bytes())
        self._sounds()
        self._settings()
        git(self.root, "init", "--quiet")
        git(self.root, "add", "-A")
        git(self.root, "commit", "--quiet", "-m", "all")
        self.env = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(self.root),
            "TMPDIR": str(self.temporary),
            "AVEMO_CACHE": str(folder / "cache"),
            "AVEMO_ASSETS_ORIGIN": "http://127.0.0.1:1",  # nobody answers there
            "NO_PROXY": "*",
        }

    def _sounds(self) -> None:
        for actor, emotion in product(range(1, 7), range(1, 9)):
            sound = voice(16_000, 0.5, 0.1 + 0.1 * emotion + 0.01 * actor)
            file = self.root / f"recordings/03-01-0{emotion}-01-01-01-0{actor}.wav"
            file.write_bytes(encoded(sound, 16_000))

    def _settings(self) -> None:
        params = yaml.safe_load((self.root / "params.yaml").read_text())
        budget = {"trials": 1, "epochs": 2, "members": 1}
        params["corpus"]["source"] = "path"
        params["extractors"] = {"mfcc": params["extractors"]["mfcc"]}
        params["split"]["folds"] = 3
        params["search"]["audio"] |= {
            "architectures": ["lstm"],
            "fallback": [],
            "sampling_order": [],
            "quick": budget,
            "full": budget,
        }
        (self.root / "params.yaml").write_text(yaml.safe_dump(params))

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.root, env=self.env, capture_output=True, text=True, check=False
        )

    def must(self, *command: str) -> str:
        done = self.run(*command)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    def avemo(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-m", "avemo.cli", *arguments)

    def state(self) -> dict[str, object]:
        """All that a rebuild must leave alone."""
        files = [file for file in self.root.rglob("*") if file.is_file()]
        files_to_keep = [
            file for file in files if not {".git", ".dvc", "__pycache__"} & set(file.parts)
        ]
        return {
            "files": {str(file): file.read_bytes() for file in files_to_keep},
            "status": git(self.root, "status", "--porcelain"),
        }


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    created = Tiny(tmp_path_factory.mktemp("tiny"))
    created.must("dvc", "repro", "train@audio")
    for modality in ("visual", "fused"):
        (created.root / f"results/train/{modality}").mkdir(parents=True)
        Skipped(reason="no pictures").write(created.root / f"results/train/{modality}/run.json")
    created.must(sys.executable, "-c", RUN_MODULES, "pipelines.evaluate", "pipelines.register")
    return created


@pytest.mark.slow
def test_a_version_is_made_again_and_is_identical(tiny: Tiny) -> None:
    before = tiny.state()
    done = tiny.avemo("rebuild", URI)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    lines = done.stdout.splitlines()
    commit = git(tiny.root, "rev-parse", "HEAD")
    assert lines[0] == f"{URI}: stage train@audio at commit {commit}"
    assert lines[1] == "data from DVC: data/split.csv, features/audio, results/search/audio"
    assert lines[-1] == "rebuilt: identical"
    assert tiny.state() == before
    require_clean(tiny.root, tiny.temporary)


@pytest.mark.slow
def test_a_version_is_made_again_from_its_provenance_and_a_remote(
    tiny: Tiny, tmp_path: Path
) -> None:
    """There is no registry, and no data in DVC's cache."""
    key = str(tmp_path / "owner.key")
    tiny.must("avemo", "registry", "keygen", key)
    tiny.must("avemo", "registry", "sign", "audio@champion", "--key", key)
    (stored,) = tiny.root.rglob("provenance.intoto.json")
    provenance = shutil.copyfile(stored, tmp_path / "provenance.intoto.json")
    remote = str(tmp_path / "remote")
    tiny.must("dvc", "remote", "add", "--local", "--default", "store", remote)
    tiny.must("dvc", "push", "--quiet")
    before = tiny.state()
    absent = [tiny.root / "mlruns", tiny.root / ".dvc/cache/files"]
    for folder in absent:
        folder.rename(tmp_path / folder.name)
    try:
        done = tiny.avemo("rebuild", "--provenance", str(provenance))
    finally:
        (tiny.root / ".dvc/config.local").unlink()
        for folder in absent:
            shutil.rmtree(folder, ignore_errors=True)
            (tmp_path / folder.name).rename(folder)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    lines = done.stdout.splitlines()
    commit = git(tiny.root, "rev-parse", "HEAD")
    assert lines[0] == f"{provenance}: stage train@audio at commit {commit}"
    assert lines[-1] == "rebuilt: identical"
    assert tiny.state() == before
    require_clean(tiny.root, tiny.temporary)


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_stopped_it_leaves_nothing(tiny: Tiny, sent: signal.Signals) -> None:
    before = tiny.state()
    command = [sys.executable, "-m", "avemo.cli", "rebuild", URI]
    with subprocess.Popen(
        command,
        cwd=tiny.root,
        env=tiny.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("data from DVC"):
                break
        time.sleep(1)
        os.killpg(process.pid, sent)
        _, output = process.communicate()
    assert process.returncode == 1
    assert "avemo: stopped" in output
    assert tiny.state() == before
    require_clean(tiny.root, tiny.temporary)


@pytest.mark.slow
def test_a_version_says_what_it_is_made_of_to_the_last_recording(tiny: Tiny) -> None:
    output = tiny.avemo("lineage", URI).stdout
    assert "data/raw  md5" in output
    assert "48 recordings" in output
    assert "and 38 more" in output
    assert "03-01-01-01-01-01-01.wav  md5" in output
    table = pd.read_csv(tiny.root / "results/evaluation/audio.csv")
    assert set(table["true"]) == set(EMOTIONS)
    for text in (f"split: {tiny.must('avemo', 'status').split('split')[1].split()[0]}, ", "mfcc"):
        assert text in output


@pytest.mark.slow
def test_what_the_cache_has_no_more_is_said(tiny: Tiny) -> None:
    cache = tiny.root / ".dvc/cache/files"
    cache.rename(tiny.root / ".dvc/cache/elsewhere")
    done = tiny.avemo("rebuild", URI)
    (tiny.root / ".dvc/cache/elsewhere").rename(cache) if not cache.exists() else None
    assert done.returncode == 1
    assert "is in DVC's cache, and no remote is configured" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    require_clean(tiny.root, tiny.temporary)
