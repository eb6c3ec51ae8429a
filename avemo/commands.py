"""How a command or a stage is run: its log lines, and what its errors look like."""

import argparse
import io
import logging
import os
import select
import sys
from collections.abc import Callable
from pathlib import Path

from .errors import AvemoError
from .surroundings import explain_surroundings, raise_open_files_limit
from .terminal import log_to_terminal

__all__ = ["run_command", "run_stage"]

log = logging.getLogger(__name__)

#: in the environment of a stage that has begun again
_RETRIED = "AVEMO_RETRIED"

#: as a shell reports a process that a closed pipe ended
_BROKEN_PIPE = 141

_STDOUT = 1


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
    _prepare_streams()
    raise_open_files_limit()
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
        message = explain_surroundings(error)
        if not message:
            raise
    sys.stderr.write(f"avemo: {' '.join(message.split())}\n")
    return 1


def _prepare_streams() -> None:
    """Let every character be written, whatever the locale: as an escape where it has none.

    A stream that was closed before the process began takes what is written, and keeps nothing.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _lost_reader() -> bool:
    """Return whether the standard output is a closed pipe; what is left of it goes nowhere then."""
    poll = select.poll()
    poll.register(_STDOUT, 0)
    if not any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0)):
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
