"""What a person reads in a terminal: tables, trees and log lines, through rich.

Where the output is no terminal, nothing is wrapped, cut or coloured, so that a file or a pipe gets
each row on one line.
"""

import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

__all__ = ["log_to_terminal", "new_table", "show"]

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
