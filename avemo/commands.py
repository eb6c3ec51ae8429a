"""How a command or a stage is run: its log lines, and what its errors look like."""

import argparse
import errno
import logging
import os
import select
import sys
from collections.abc import Callable

from .errors import AvemoError
from .terminal import log_to_terminal

__all__ = ["run_command", "run_stage"]

log = logging.getLogger(__name__)

#: in the environment of a stage that has begun again
_RETRIED = "AVEMO_RETRIED"

#: as a shell reports a process that a closed pipe ended
_BROKEN_PIPE = 141

_STDOUT = 1

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def run_stage(main: Callable[..., None], *arguments: str) -> None:
    """Run a DVC stage: read the settings, call `main(project, settings, *arguments)`, end.

    A stage that loses the tracking server begins again, once.
    """
    parser = argparse.ArgumentParser(description=main.__doc__)
    for argument in arguments:
        parser.add_argument(argument)
    values = vars(parser.parse_args())

    def run() -> int:
        # imported late, because `avemo --help` needs neither
        from .config import load_settings
        from .git import read_commit
        from .paths import find_project

        project = find_project()
        read_commit(project.root)  # where Git refuses, say so before anything is computed
        settings = load_settings(project.root)
        try:
            main(project, settings, *(values[argument] for argument in arguments))
        except Exception as error:
            if not _lost_tracking_server(error) or _RETRIED in os.environ:
                raise
            log.warning("avemo: the tracking server went away: the stage begins again")
            # in a new process, because MLflow keeps what it had begun; it finds the server away
            os.environ[_RETRIED] = "1"
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
        return 0

    sys.exit(run_command(run))


def run_command(command: Callable[[], int]) -> int:
    """Run a command and return its exit code; an error that avemo can explain becomes one line.

    Where the reader of the output has gone, as `head` does, the command ends without a word.
    """
    try:
        with log_to_terminal():
            code = command()
            sys.stdout.flush()
            return code
    except AvemoError as error:
        message = str(error)
    except KeyboardInterrupt:
        message = "stopped; the same command picks up from here"
    except BrokenPipeError:
        if not _lost_reader():
            raise
        return _BROKEN_PIPE
    except Exception as error:
        if not _is_disk_full(error):
            raise
        message = "the disk is full: free some space and run the same command again"
    sys.stderr.write(f"avemo: {' '.join(message.split())}\n")
    return 1


def _lost_reader() -> bool:
    """Return whether the standard output is a closed pipe; what is left of it goes nowhere then."""
    poll = select.poll()
    poll.register(_STDOUT, 0)
    if not any(event & select.POLLERR for _, event in poll.poll(0)):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), _STDOUT)
    return True


def _lost_tracking_server(error: BaseException | None) -> bool:
    """Return whether an error comes from a server that MLflow has asked again and again."""
    while error is not None:
        if "API request to" in str(error) and "Max retries" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _is_disk_full(error: BaseException | None) -> bool:
    """Return whether an error comes from a full disk; a library may keep its text alone."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _DISK_FULL:
            return True
        if os.strerror(errno.ENOSPC) in str(error) or "database or disk is full" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False
