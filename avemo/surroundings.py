"""What a machine lacks, such as disk space or permissions, in a sentence each."""

import errno
import os
import resource
from contextlib import suppress

__all__ = ["explain_surroundings", "raise_open_files_limit"]

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_TOO_MANY_FILES = (errno.EMFILE, errno.ENFILE)
#: what a file system refuses, whoever asks it
_REFUSED = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENAMETOOLONG,
    errno.ENOTDIR,
    errno.ESTALE,
)
#: enough for every library here
_OPEN_FILES = 4096
#: what SQLite says, in whatever class SQLAlchemy wraps it
_SQLITE = {
    "attempt to write a readonly database": "the tracking store cannot be written to: make mlruns/ "
    "writable, or set MLFLOW_TRACKING_URI to a store that is",
    "unable to open database file": "the tracking store's database does not open: see whether "
    "mlruns/, or what MLFLOW_TRACKING_URI names, can be read and written",
    "database disk image is malformed": "the tracking store's database is damaged: bring it back "
    "from a copy, or move mlruns/ away and run dvc repro --force",
    "database is locked": "another process has held the tracking store's database for long: wait "
    "until it has ended, and run the same command again",
}


def raise_open_files_limit() -> None:
    """Let this process open as many files as it is permitted, where the limit is a low one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def explain_surroundings(error: BaseException | None) -> str:
    """Return what the machine lacks and what to do; empty where an error has another reason.

    Args:
        error: as it was raised; a library may keep the text alone of what was its cause
    """
    while error is not None:
        if sentence := _explain(error):
            return sentence
        error = error.__cause__ or error.__context__
    return ""


def _explain(error: BaseException) -> str:
    number = error.errno if isinstance(error, OSError) else None
    text = str(error)
    if number in _DISK_FULL or os.strerror(errno.ENOSPC) in text or "or disk is full" in text:
        return "the disk is full: free some space and run the same command again"
    if number in _TOO_MANY_FILES or os.strerror(errno.EMFILE) in text:
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return f"{limit} open files are too few: raise the limit, such as by `ulimit -n 1024`"
    if number == errno.EIO or os.strerror(errno.EIO) in text or "disk I/O error" in text:
        return f"{_file_of(error)}the disk fails: see to it, and run the same command again"
    if isinstance(error, OSError) and number in _REFUSED and error.filename is not None:
        return f"{os.fsdecode(error.filename)}: {error.strerror}: permit it, or name another place"
    return next((sentence for known, sentence in _SQLITE.items() if known in text), "")


def _file_of(error: BaseException) -> str:
    """Return the file that an error names, and a colon; empty where it names none."""
    file = error.filename if isinstance(error, OSError) else None
    return "" if file is None else f"{os.fsdecode(file)}: "
