"""Unpack zip archives of foreign origin, if they are harmless."""

import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath, PureWindowsPath

from ...errors import CorpusError
from ...page import format_bytes

__all__ = ["require_free_space", "unpack"]

#: limits of what an archive may declare; the published ones hold some 1,500 members at 3 to 1
MEMBERS, RATIO, BYTES = 10_000, 100, 64 * 10**9

_LOCAL_HEADER = 30  # bytes before each member's name and content
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError)

Members = dict[PurePosixPath, zipfile.ZipInfo]


def unpack(archive: Path, target: Path, wanted: Callable[[str], bool] = bool) -> int:
    """Unpack an archive into a new folder.

    Where every member stands under a folder of the archive's own name, that folder is the target.

    Args:
        archive: a zip file; its name is `NAME.zip`
        target: the folder that is made
        wanted: whether a member of this name, without its folders, is unpacked; by default all are

    Returns:
        how many members were unpacked

    Raises:
        CorpusError: the archive is damaged, could do harm, or does not fit on the disk. What was
            unpacked until then is left to the caller
    """
    try:
        with zipfile.ZipFile(archive) as pack:
            members = {path: member for path, member in _members(pack).items() if wanted(path.name)}
            target.mkdir(parents=True)
            require_free_space(sum(member.file_size for member in members.values()), target.parent)
            for path, member in members.items():
                _write(pack, member, target / _without_folder(path, archive.stem))
    except _BROKEN as error:
        raise CorpusError(
            f"{archive} is no archive to unpack: {error}. Nothing of it is used: remove it and run "
            "the same command again"
        ) from None
    return len(members)


def require_free_space(needed: int, folder: Path) -> None:
    """Refuse what does not fit on the disk of a folder.

    Args:
        needed: in bytes
        folder: where they are written

    Raises:
        CorpusError: fewer bytes are free
    """
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise CorpusError(
            f"{format_bytes(needed)} are needed and {format_bytes(free)} are free in {folder}: "
            "free some space, or choose less in params.yaml (corpus.zenodo)"
        )


def _members(pack: zipfile.ZipFile) -> Members:
    """Return the archive's files by path, if all of its members are harmless."""
    members = pack.infolist()
    if len(members) > MEMBERS:
        raise ValueError(f"it has {len(members)} members, more than {MEMBERS}")
    for member in members:
        if harm := _describe_harm(member):
            raise ValueError(f"its member {member.orig_filename[:200]!r} {harm}")
    _check_sizes(pack, members)
    files = {PurePosixPath(member.filename): member for member in members if not member.is_dir()}
    if len(files) < sum(not member.is_dir() for member in members):
        raise ValueError("two of its members have the same name")
    if any(parent in files for path in files for parent in path.parents):
        raise ValueError("one of its members is a file and a folder")
    return files


def _describe_harm(member: zipfile.ZipInfo) -> str:
    """Return why a member is refused; empty where it is harmless."""
    name = member.orig_filename  # as it is written; `filename` ends at a NUL
    path = PurePosixPath(name)
    if path.is_absolute() or PureWindowsPath(name).drive or not path.parts:
        return "has no relative path"
    if ".." in path.parts or "\\" in name or "\0" in name:
        return "has a path that may lead elsewhere"
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is neither file nor folder"
    if member.flag_bits & 1:
        return "is encrypted"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return f"is packed by method {member.compress_type}, and only deflate is expected"
    return ""


def _check_sizes(pack: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> None:
    """Refuse declared sizes that are too large, or that an archive of this size cannot hold."""
    packed, unpacked = pack.start_dir, sum(member.file_size for member in members)
    if unpacked > min(BYTES, RATIO * packed):
        raise ValueError(f"it would grow from {format_bytes(packed)} to {format_bytes(unpacked)}")
    spans = sorted(
        (member.header_offset, member.compress_size + _LOCAL_HEADER) for member in members
    )
    ends = [*(start for start, _ in spans[1:]), packed]
    if any(start + size > end for (start, size), end in zip(spans, ends, strict=False)):
        raise ValueError("its members overlap")


def _without_folder(path: PurePosixPath, name: str) -> PurePosixPath:
    return path.relative_to(name) if path.parts[0] == name and path.parts[1:] else path


def _write(pack: zipfile.ZipFile, member: zipfile.ZipInfo, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with pack.open(member) as source, file.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)  # no more than declared, and its CRC is checked
    if (size := file.stat().st_size) != member.file_size:
        raise ValueError(f"{member.filename!r} has {size} bytes, and declares {member.file_size}")
