import os
import subprocess
import sys
from pathlib import Path

import pytest

from avemo.io import atomic_write


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "new" / "a.txt"
    with atomic_write(target) as temporary:
        temporary.write_text("half")
        assert not target.exists()
        assert temporary.parent == target.parent
    assert target.read_text() == "half"
    assert names(target.parent) == ["a.txt"]


def test_a_file_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with atomic_write(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failed_file_leaves_the_old(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(error), atomic_write(target) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise error
    assert target.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_folder_is_replaced_and_not_merged(tmp_path: Path) -> None:
    target = tmp_path / "a"
    (target / "deep").mkdir(parents=True)
    (target / "deep" / "old.txt").touch()
    with atomic_write(target) as temporary:
        temporary.mkdir()
        (temporary / "new.txt").touch()
        assert names(target) == ["deep"]
    assert names(target) == ["new.txt"]
    assert names(tmp_path) == ["a"]


def test_a_failed_folder_leaves_the_old(tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.mkdir()
    (target / "old.txt").touch()
    with pytest.raises(ValueError, match="no"), atomic_write(target) as temporary:  # noqa: PT012
        (temporary / "deep").mkdir(parents=True)
        (temporary / "deep" / "new.txt").touch()
        raise ValueError("no")
    assert names(target) == ["old.txt"]
    assert names(tmp_path) == ["a"]


def test_a_body_that_writes_nothing_leaves_the_old(tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.mkdir()
    (target / "old.txt").touch()
    with pytest.raises(FileNotFoundError), atomic_write(target):
        pass
    assert names(target) == ["old.txt"]


def test_what_a_killed_attempt_left_is_no_part_of_the_next(tmp_path: Path) -> None:
    target = tmp_path / "a"
    with pytest.raises(FileNotFoundError), atomic_write(target) as temporary:
        pass
    temporary.mkdir()
    (temporary / "stale.txt").touch()
    with atomic_write(target) as again:
        again.mkdir()
    assert names(target) == []


def test_a_link_to_a_folder_is_replaced_and_what_it_names_is_kept(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "old.txt").touch()
    (tmp_path / "a").symlink_to(tmp_path / "kept")
    with atomic_write(tmp_path / "a") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "a").read_text() == "new"
    assert names(tmp_path / "kept") == ["old.txt"]


def test_what_a_killed_process_left_goes_and_what_a_living_one_writes_stays(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead, alive = (tmp_path / f".a.{pid}.part" for pid in (ended.pid, os.getppid()))
    dead.mkdir()
    alive.mkdir()
    with atomic_write(tmp_path / "a") as temporary:
        temporary.mkdir()
    assert names(tmp_path) == sorted([alive.name, "a"])
