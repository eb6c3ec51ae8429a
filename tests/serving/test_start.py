"""What `avemo serve` refuses to start with, in one line that says what to do."""

from pathlib import Path

import pytest

from avemo.cli import main
from avemo.serving.keys import is_loopback, read_keys
from avemo.tracking import store


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(store.TRACKING_URI, "http://127.0.0.1:9")


def refused(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert main(["serve", *options]) == 1
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    return line


def test_beyond_this_machine_it_wants_a_key_and_a_purpose(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    line = refused(capsys, "--host", "0.0.0.0", "--purpose", "a test")
    assert "takes a key" in line
    assert "--key-file" in line
    key = tmp_path / "key"
    key.write_text("0123456789abcdef\n")
    line = refused(capsys, "--host", "0.0.0.0", "--key-file", str(key))
    assert "serving: {purpose:" in line
    assert "--purpose" in line
    key.write_text("short\n")
    line = refused(capsys, "--host", "::", "--key-file", str(key), "--purpose", "a test")
    assert "16 characters" in line
    line = refused(capsys, "--key-file", str(tmp_path / "none"))
    assert "cannot be read" in line


def test_keys_are_kept_as_checksums(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("the first key of two\n\n  the second key of two  \n")
    digests = read_keys(file)
    assert [len(digest) for digest in digests] == [32, 32]


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.0.2.1", False),
        ("example.org", False),
    ],
)
def test_what_only_this_machine_reaches(host: str, local: bool) -> None:
    assert is_loopback(host) is local
