"""What params.yaml names outside the pipeline is checked, with a sentence for each fault."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from helpers.checkout import ROOT

from avemo.config import parse_settings
from avemo.corpus.inputs import check_inputs, link_inputs
from avemo.errors import CorpusError
from avemo.paths import Project
from avemo.settings import Settings


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path / "project %2F #1 ?")
    (project.root / "openface").mkdir(parents=True)
    (project.root / "params.yaml").touch()
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings" / "a.wav").touch()
    return project


def settings(source: str, path: str, openface: str = "openface") -> Settings:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["corpus"] |= {"source": source, "path": path}
    params["imported"]["openface"] = openface
    return parse_settings(yaml.safe_dump(params).encode())


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nowhere", "there is no folder"),
        ("~/nowhere-at-all", "there is no folder /"),
        ("~no-such-user/a", "write the path in full, without ~"),
        ("params.yaml", "is a file"),
        ("params.yaml/below", "there is no folder"),
        ("../nowhere %20 #?", "there is no folder"),
        ("", "corpus.path is ''"),
        (" ", "corpus.path is ' '"),
        ("a\0b", "corpus.path is"),
        (".", "holds the project itself"),
        ("..", "holds the project itself"),
        ("/", "holds the project itself"),
        ("data/raw", "is what the pipeline writes"),
        ("features/audio", "is what the pipeline writes"),
        ("x" * 300, "File name too long"),
    ],
)
def test_a_path_that_cannot_be_used(project: Project, path: str, words: str) -> None:
    for folder in ("data/raw", "features/audio"):
        (project.root / folder).mkdir(parents=True)
    with pytest.raises(CorpusError, match=r"^corpus\.path") as caught:
        link_inputs(project, settings("path", path))
    assert words in str(caught.value)
    assert not project.input("corpus.path").exists()
    link_inputs(project, settings("sample", path))  # where it is not used


@pytest.mark.parametrize("path", ["nowhere", "", "~no-such-user"])
def test_what_other_programs_computed(project: Project, path: str) -> None:
    with pytest.raises(CorpusError, match=r"^imported\.openface"):
        check_inputs(project, settings("sample", "recordings", path))


def test_a_manifest(project: Project, tmp_path: Path) -> None:
    path = str(tmp_path / "recordings")
    with pytest.raises(CorpusError, match="has no manifest"):
        check_inputs(project, settings("manifest", path))
    (tmp_path / "recordings" / "manifest.csv").touch()
    link_inputs(project, settings("manifest", f"{path}/manifest.csv"))
    assert project.input("corpus.path").resolve() == Path(path, "manifest.csv")


def _odd_name(folder: Path) -> None:
    (folder / os.fsdecode(b"\xff.wav")).touch()


def _pipe(folder: Path) -> None:
    os.mkfifo(folder / "pipe.wav")


def _dangling(folder: Path) -> None:
    (folder / "b.wav").symlink_to("nowhere")


def _loop(folder: Path) -> None:
    (folder / "b.wav").symlink_to("b.wav")


def _other_project(folder: Path) -> None:
    (folder / ".dvcignore").touch()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_odd_name, r"recordings/\xff.wav: the name is no UTF-8"),
        (_pipe, "recordings/pipe.wav: this is neither a file nor a folder"),
        (_dangling, "recordings/b.wav: this link leads nowhere"),
        (_loop, "recordings/b.wav: Too many levels of symbolic links"),
        (_other_project, "recordings/.dvcignore: this is a DVC project of its own"),
    ],
)
def test_what_dvc_cannot_record(
    project: Project, tmp_path: Path, spoil: Callable[[Path], None], words: str
) -> None:
    spoil(tmp_path / "recordings")
    with pytest.raises(CorpusError, match=r"^in corpus\.path, ") as caught:
        check_inputs(project, settings("path", "../recordings"))
    assert words in str(caught.value)


def test_links_lead_to_the_inputs_and_follow_a_project_that_is_moved(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = project.input("corpus.path")
    monkeypatch.setenv("HOME", str(tmp_path))
    for path in ("~/recordings", str(tmp_path / "recordings"), "../recordings"):
        link_inputs(project, settings("path", path))
        assert [file.name for file in link.iterdir()] == ["a.wav"]
    own = project.root / "recordings"
    own.mkdir()
    link_inputs(project, settings("path", "recordings"))
    moved = project.root.rename(tmp_path / "moved")
    assert Project(moved).input("corpus.path").resolve() == moved / "recordings"
    link_inputs(Project(moved), settings("sample", "recordings"))
    assert not Project(moved).input("corpus.path").is_symlink()
    assert (moved / "recordings").is_dir()
