from pathlib import Path

import pytest

from avemo.errors import SettingsError
from avemo.paths import ROOT, find_project

CHECKOUT = Path(__file__).parents[1]


def make_project(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("params.yaml", "dvc.yaml"):
        (folder / name).touch()
    return folder.resolve()


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ROOT, raising=False)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)


def test_the_folder_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_project(Path.cwd())
    named = make_project(tmp_path / "named")
    monkeypatch.setenv(ROOT, str(named))
    assert find_project().root == named


def test_a_named_folder_without_a_project_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_project(Path.cwd())
    monkeypatch.setenv(ROOT, str(tmp_path))
    with pytest.raises(SettingsError, match=ROOT) as error:
        find_project()
    assert str(tmp_path) in str(error.value)
    assert "above" not in str(error.value)


def test_the_nearest_folder_upwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(tmp_path)
    inner = make_project(tmp_path / "outer" / "inner")
    deep = inner / "data" / "raw"
    deep.mkdir(parents=True)
    (deep / "params.yaml").touch()  # one of the two files is no project
    monkeypatch.chdir(deep)
    assert find_project().root == inner


def test_the_checkout_from_elsewhere() -> None:
    assert find_project().root == CHECKOUT
