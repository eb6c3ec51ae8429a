"""What a person reads in a terminal: tables, trees and log lines, through rich.

Where the output is no terminal, nothing is wrapped, cut or coloured, so that a file or a pipe gets
each row on one line.
"""

import logging
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

__all__ = ["SlowNotice", "log_to_terminal", "new_table", "show"]

#: columns of an output that is no terminal: more than any line has
_UNLIMITED = 10_000

#: whose log lines are shown; a stage is run as `__main__`
_LOGGERS = ("avemo", "pipelines", "__main__")


def new_table(*columns: str, rows: Iterable[Iterable[str]] = ()) -> "Table":
    """Return a table with a heading above each column; on a narrow terminal, cells are wrapped."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))  # text, so that brackets are no markup
    return table


def show(*renderables: "RenderableType") -> None:
    """Print text, tables and trees to the standard output, one below the other."""
    for renderable in renderables:
        _write(renderable, sys.stdout)
    sys.stdout.flush()


@contextmanager
def log_to_terminal() -> Iterator[None]:
    """Show log lines inside the block: results on the standard output, warnings on the other."""
    handler = _TerminalHandler()
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)


class SlowNotice:
    """Say on the standard error what is being done, where it takes longer than a moment.

    Args:
        delay_s: seconds before the first line; what begins later gets a line at once
    """

    def __init__(self, delay_s: float = 2.0) -> None:
        self._timer = threading.Timer(delay_s, self._start)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._activity = ""
        self._state = "waiting"

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def begin(self, activity: str) -> None:
        """Take what begins now, such as `loading avemo-fused version 3`."""
        with self._lock:
            self._activity = activity
            if self._state == "speaking":
                self._say()

    def stop(self) -> None:
        """Say nothing any more."""
        self._timer.cancel()
        with self._lock:
            self._state = "stopped"

    def _start(self) -> None:
        with self._lock:
            if self._state == "waiting":
                self._state = "speaking"
                self._say()

    def _say(self) -> None:
        if self._activity:
            sys.stderr.write(f"avemo: {self._activity} …\n")
            sys.stderr.flush()


class _TerminalHandler(logging.Handler):
    """Print each record through rich, above the progress bars that are on the screen."""

    def emit(self, record: logging.LogRecord) -> None:
        from rich.text import Text
        from tqdm import tqdm

        warning = record.levelno >= logging.WARNING
        stream = sys.stderr if warning else sys.stdout
        try:
            line = Text(self.format(record), style="yellow" if warning else "")
            with tqdm.external_write_mode(file=stream):
                _write(line, stream)
                stream.flush()
        except (BrokenPipeError, RecursionError):
            raise
        except Exception:
            self.handleError(record)


def _write(renderable: "RenderableType", stream: TextIO) -> None:
    """Render to text, which is then written: rich itself ends the process on a closed pipe."""
    from rich.console import Console
    from rich.text import Text

    terminal = stream.isatty()
    console = Console(file=stream, width=None if terminal else _UNLIMITED, highlight=False)
    with console.capture() as capture:
        console.print(
            renderable, markup=False, emoji=False, soft_wrap=isinstance(renderable, str | Text)
        )
    stream.writelines(f"{line.rstrip()}\n" for line in capture.get().splitlines())
