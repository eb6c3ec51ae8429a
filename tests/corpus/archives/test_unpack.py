import os
import shutil
import stat
import struct
import zipfile
from pathlib import Path

import pytest
from helpers.zenodo_server import packed

from avemo.corpus.archives import unpack as archives
from avemo.corpus.archives.unpack import require_free_space, unpack
from avemo.errors import CorpusError

WAV = "Actor_01/03-01-05-02-01-02-01.wav"


def write_content(folder: Path, content: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Pack.zip").write_bytes(content)
    return folder / "Pack.zip"


def write_archive(folder: Path, *members: tuple[str | zipfile.ZipInfo, str | bytes]) -> Path:
    """An archive whose members are these pairs of ZipInfo and content."""
    file = write_content(folder, b"")
    with zipfile.ZipFile(file, "w") as pack:
        for member, content in members:
            pack.writestr(member, content)
    return file


def central(content: bytes) -> int:
    """Where the first entry of an archive's list of contents begins."""
    return content.index(b"PK\x01\x02")


def overwrite(content: bytes, at: int, form: str, value: int) -> bytes:
    size = struct.calcsize(form)
    return content[:at] + struct.pack(form, value) + content[at + size :]


def read_files(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def assert_refused(archive: Path, tmp_path: Path, message: str) -> None:
    with pytest.raises(CorpusError, match=message) as error:
        unpack(archive, tmp_path / "deep" / "target")
    assert "\n" not in str(error.value)
    assert str(archive) in str(error.value)
    assert read_files(tmp_path) == {"Pack.zip": archive.read_bytes()}
    assert not (tmp_path / "deep").exists()


def test_unpacked_as_it_is(tmp_path: Path) -> None:
    members = {WAV: b"sound", "README.txt": b"text", "empty": b""}
    assert unpack(write_content(tmp_path, packed(members)), tmp_path / "target") == 3
    assert read_files(tmp_path / "target") == members


def test_a_folder_of_the_archives_own_name_is_the_target(tmp_path: Path) -> None:
    archive = write_content(tmp_path, packed({f"Pack/{WAV}": b"sound", "Pack/": b""}))
    unpack(archive, tmp_path / "target")
    assert read_files(tmp_path / "target") == {WAV: b"sound"}


def test_only_what_is_wanted(tmp_path: Path) -> None:
    archive = write_content(tmp_path, packed({"a/one.wav": b"1", "a/two.wav": b"2"}))
    assert unpack(archive, tmp_path / "target", lambda name: name == "two.wav") == 1
    assert read_files(tmp_path / "target") == {"a/two.wav": b"2"}


@pytest.mark.parametrize("name", ["/etc/a.wav", "C:/a.wav", "c:a.wav", "//host/a.wav"])
def test_absolute_paths_are_refused(tmp_path: Path, name: str) -> None:
    assert_refused(
        write_content(tmp_path, packed({WAV: b"1", name: b"2"})), tmp_path, "relative path"
    )


@pytest.mark.parametrize("name", ["../a.wav", "a/../../a.wav", "..", "a\\..\\b.wav", "a\\b.wav"])
def test_paths_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    assert_refused(
        write_content(tmp_path, packed({WAV: b"1", name: b"2"})), tmp_path, "lead elsewhere"
    )


def test_a_name_with_a_nul_is_refused(tmp_path: Path) -> None:
    content = packed({"ab.wav": b"1"}).replace(b"ab.wav", b"a\0.wav")
    assert_refused(write_content(tmp_path, content), tmp_path, "lead elsewhere")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    member = zipfile.ZipInfo("a.wav")
    member.external_attr = (kind | 0o777) << 16
    assert_refused(
        write_archive(tmp_path, (member, "/etc/passwd")), tmp_path, "neither file nor folder"
    )


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    content = packed({WAV: b"1"})
    content = overwrite(content, central(content) + 8, "<H", 1)
    assert_refused(write_content(tmp_path, content), tmp_path, "encrypted")


def test_other_ways_of_packing_are_refused(tmp_path: Path) -> None:
    member = zipfile.ZipInfo(WAV)
    member.compress_type = zipfile.ZIP_LZMA
    assert_refused(write_archive(tmp_path, (member, "1")), tmp_path, "method 14")


def test_one_name_twice_is_refused(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        archive = write_archive(tmp_path, (zipfile.ZipInfo(WAV), "1"), (zipfile.ZipInfo(WAV), "2"))
    assert_refused(archive, tmp_path, "same name")


def test_a_file_that_is_a_folder_too_is_refused(tmp_path: Path) -> None:
    assert_refused(
        write_content(tmp_path, packed({"a": b"1", "a/b": b"2"})), tmp_path, "file and a folder"
    )


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    assert_refused(
        write_content(tmp_path, packed({WAV: bytes(10_000_000)})), tmp_path, "would grow from"
    )


def test_there_is_a_limit_whatever_the_ratio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "BYTES", 5)
    assert_refused(write_content(tmp_path, packed({WAV: b"123456"})), tmp_path, "would grow from")


def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MEMBERS", 2)
    assert_refused(
        write_content(tmp_path, packed(dict.fromkeys("abc", b""))), tmp_path, "3 members"
    )


def test_members_that_overlap_are_refused(tmp_path: Path) -> None:
    content = packed({"a": b"1" * 50, "b": b"1" * 50})
    second = content.index(b"PK\x01\x02", central(content) + 4)
    assert_refused(
        write_content(tmp_path, overwrite(content, second + 42, "<L", 0)), tmp_path, "overlap"
    )


@pytest.mark.parametrize(("size", "message"), [(1_000, "CRC"), (12_000, "declares 12000")])
def test_sizes_that_lie_are_found_out(tmp_path: Path, size: int, message: str) -> None:
    content = packed({WAV: bytes(range(250)) * 40})
    archive = write_content(tmp_path, overwrite(content, central(content) + 24, "<L", size))
    with pytest.raises(CorpusError, match=message):
        unpack(archive, tmp_path / "target")
    assert (tmp_path / "target" / WAV).stat().st_size <= size


@pytest.mark.parametrize("content", [b"", b"no zip at all", packed({WAV: bytes(500)})[:-30]])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    assert_refused(write_content(tmp_path, content), tmp_path, "no archive to unpack")


def test_damaged_content_is_refused(tmp_path: Path) -> None:
    content = packed({WAV: bytes(range(256)) * 40})
    damaged = content[:100] + bytes(20) + content[120:]
    with pytest.raises(CorpusError, match="no archive to unpack"):
        unpack(write_content(tmp_path, damaged), tmp_path / "target")


def test_a_disk_that_is_too_small_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 1_000_000})()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    archive = write_content(tmp_path, packed({WAV: os.urandom(1_300_000)}))
    with pytest.raises(CorpusError, match=r"1\.3 MB are needed and 1\.0 MB are free") as error:
        unpack(archive, tmp_path / "target")
    assert f"free in {tmp_path}:" in str(error.value)
    assert read_files(tmp_path / "target") == {}


def test_room_enough(tmp_path: Path) -> None:
    require_free_space(1, tmp_path)
