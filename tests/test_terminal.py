"""Tables and log lines, for a terminal and for a file."""

import io
import logging

import pytest

from avemo.terminal import log_to_terminal, new_table, show

SENTENCE = "statistics of MFCC and of the pixels of a face, " * 4


class Terminal(io.StringIO):
    """A terminal that remembers what it shows."""

    def isatty(self) -> bool:
        return True


def test_where_there_is_no_terminal_a_row_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    show(new_table("name", "what", rows=[("a", SENTENCE), ("b [red]", "x")]))
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["name     what", f"a        {SENTENCE.rstrip()}", "b [red]  x"]


def test_a_narrow_terminal_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    show(new_table("name", "what", rows=[("a", SENTENCE), ("=" * 60, "y")]))
    text = terminal.getvalue()
    assert "".join(SENTENCE.split()) in "".join(text.split())
    assert text.count("=") == 60


def test_results_and_warnings_are_apart(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("avemo.features")
    with log_to_terminal():
        log.info(f"mfcc: [1] {SENTENCE}")
        log.warning("the server is away")
        log.debug("not shown")
        logging.getLogger("others").info("nor this")
    log.info("nor after the command")
    out, err = capsys.readouterr()
    assert out == f"mfcc: [1] {SENTENCE.rstrip()}\n"
    assert err == "the server is away\n"
