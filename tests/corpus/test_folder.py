import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avemo.corpus.folder import link_recordings, list_recordings
from avemo.errors import CorpusError

WAV = "03-01-05-02-01-02-12.wav"
MP4 = "01-01-05-02-01-02-12.mp4"

part = st.text("ab", min_size=1, max_size=2)
nested = st.lists(part, max_size=3).map(lambda parts: "/".join([*parts, WAV]))


def put(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)


def relative_paths(folder: Path) -> list[str]:
    return [file.relative_to(folder).as_posix() for file in list_recordings(folder)]


@settings(deadline=None, max_examples=50)
@given(st.sets(nested, max_size=6))
def test_any_nesting(tmp_path_factory: pytest.TempPathFactory, paths: set[str]) -> None:
    folder = tmp_path_factory.mktemp("corpus")
    put(folder, *paths)
    assert set(relative_paths(folder)) == paths
    assert len(relative_paths(folder)) == len(paths)


def test_the_order_is_always_the_same(tmp_path: Path) -> None:
    put(tmp_path, f"b/{WAV}", f"a/{WAV}", f"a/c/{WAV}", f"a/{MP4}", MP4)
    assert relative_paths(tmp_path) == [MP4, f"a/{MP4}", f"a/{WAV}", f"a/c/{WAV}", f"b/{WAV}"]


def test_hidden_and_other_files_are_passed_over(tmp_path: Path) -> None:
    others = ["README.txt", "a.wav.part", "wav", "a.mp3", f".{WAV}", f"._{MP4}", f".cache/{WAV}"]
    put(tmp_path, WAV, *others)
    assert relative_paths(tmp_path) == [WAV]
    assert link_recordings(tmp_path, tmp_path.with_name("target")) == 1


def test_upper_case_suffixes(tmp_path: Path) -> None:
    put(tmp_path, "A.WAV", "b.Mp4")
    assert relative_paths(tmp_path) == ["A.WAV", "b.Mp4"]


def test_folders_that_are_links_are_followed(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere", WAV)
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "linked").symlink_to(tmp_path / "elsewhere")
    assert relative_paths(tmp_path / "corpus") == [f"linked/{WAV}"]


def test_a_folder_that_holds_a_link_to_itself_is_walked_once(tmp_path: Path) -> None:
    put(tmp_path / "corpus", WAV)
    (tmp_path / "corpus" / "again").symlink_to(tmp_path / "corpus")
    assert relative_paths(tmp_path / "corpus") == [WAV]


def test_recordings_are_linked_and_not_copied(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    put(source, WAV, f"Actor_12/{MP4}")
    assert link_recordings(source, target) == 2
    assert relative_paths(target) == relative_paths(source)
    for path in relative_paths(source):
        assert (target / path).samefile(source / path)
        assert not (target / path).is_symlink()


def test_a_source_file_that_is_a_link_gives_what_it_names(tmp_path: Path) -> None:
    source, target, store = (tmp_path / name for name in ("source", "target", "store"))
    put(store, "content")
    source.mkdir()
    (source / WAV).symlink_to(os.path.relpath(store / "content", source))
    assert link_recordings(source, target) == 1
    assert (target / WAV).samefile(store / "content")
    assert not (target / WAV).is_symlink()


def test_a_symbolic_link_where_a_hard_one_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    put(source, f"a/{WAV}")

    def elsewhere(self: Path, other: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(Path, "hardlink_to", elsewhere)
    assert link_recordings(source, target) == 1
    assert (target / "a" / WAV).is_symlink()
    assert (target / "a" / WAV).read_text() == f"a/{WAV}"


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    put(tmp_path / "source", "README.txt")
    with pytest.raises(CorpusError, match=r"corpus\.path") as error:
        link_recordings(tmp_path / "source", tmp_path / "target")
    assert str(tmp_path / "source") in str(error.value)


@pytest.mark.parametrize("name", ["absent", WAV])
def test_a_missing_folder_is_refused(tmp_path: Path, name: str) -> None:
    put(tmp_path, WAV)
    with pytest.raises(CorpusError, match=r"corpus\.path") as error:
        link_recordings(tmp_path / name, tmp_path / "target")
    assert str(tmp_path / name) in str(error.value)
