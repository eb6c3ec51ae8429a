"""Zip archives that come from elsewhere, unpacked only where that can do no harm."""

import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath, PureWindowsPath

from ...errors import CorpusError

__all__ = ["amount", "room", "unpack"]

#: what an archive may declare at most; the published ones hold some 1,500 members at 3 to 1
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
            chosen = {path: one for path, one in _members(pack).items() if wanted(path.name)}
            target.mkdir(parents=True)
            room(sum(member.file_size for member in chosen.values()), target.parent)
            for path, member in chosen.items():
                _write(pack, member, target / _inside(path, archive.stem))
    except _BROKEN as error:
        raise CorpusError(
            f"{archive} is no archive to unpack: {error}. Nothing of it is used: remove it and run "
            "the same command again"
        ) from None
    return len(chosen)


def room(needed: int, folder: Path) -> None:
    """See that so many bytes are free where a folder is.

    Raises:
        CorpusError: they are not
    """
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise CorpusError(
            f"{amount(needed)} are needed and {amount(free)} are free in {folder}: free some "
            "space, or choose less in params.yaml (corpus.zenodo)"
        )


def amount(size: float) -> str:
    """Bytes as one reads them: 208.5 MB."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def _members(pack: zipfile.ZipFile) -> Members:
    """The archive's files by path, once nothing speaks against any of its members."""
    listed = pack.infolist()
    if len(listed) > MEMBERS:
        raise ValueError(f"it has {len(listed)} members, more than {MEMBERS}")
    for member in listed:
        if harm := _harm(member):
            raise ValueError(f"its member {member.orig_filename[:200]!r} {harm}")
    _sizes(pack, listed)
    files = {PurePosixPath(one.filename): one for one in listed if not one.is_dir()}
    if len(files) < sum(not member.is_dir() for member in listed):
        raise ValueError("two of its members have the same name")
    if any(parent in files for path in files for parent in path.parents):
        raise ValueError("one of its members is a file and a folder")
    return files


def _harm(member: zipfile.ZipInfo) -> str:
    """What speaks against a member, if anything does."""
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


def _sizes(pack: zipfile.ZipFile, listed: list[zipfile.ZipInfo]) -> None:
    """See that what the members declare can be in an archive of this size, and is bearable."""
    packed, unpacked = pack.start_dir, sum(member.file_size for member in listed)
    if unpacked > min(BYTES, RATIO * packed):
        raise ValueError(f"it would grow from {amount(packed)} to {amount(unpacked)}")
    places = sorted((one.header_offset, one.compress_size + _LOCAL_HEADER) for one in listed)
    following = [*(start for start, _ in places[1:]), packed]
    if any(start + size > end for (start, size), end in zip(places, following, strict=False)):
        raise ValueError("its members overlap")


def _inside(path: PurePosixPath, name: str) -> PurePosixPath:
    return path.relative_to(name) if path.parts[0] == name and path.parts[1:] else path


def _write(pack: zipfile.ZipFile, member: zipfile.ZipInfo, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with pack.open(member) as source, file.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)  # no more than declared, and its CRC is checked
    if (size := file.stat().st_size) != member.file_size:
        raise ValueError(f"{member.filename!r} has {size} bytes, and declares {member.file_size}")
