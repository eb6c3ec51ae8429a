import errno
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from avemo.commands import run_command
from avemo.errors import AvemoError, SettingsError

CHECKOUT = Path(__file__).parents[1]

#: a limit on a file's size fails in the middle of writing, as a full disk does
FULL_IN_THE_MIDDLE = """
import resource, signal, sys
from pathlib import Path
import numpy as np
import pandas as pd
from avemo.features import store
from avemo.features.spec import FeatureSpec
from avemo.media.sound import write_wav
from avemo.commands import run_command

folder = Path(sys.argv[1])
spec = FeatureSpec(extractor="x", version=1, settings={})
noise = np.random.default_rng(1).normal(size=100_000).clip(-1, 1)
row = {"performance": "a", "recording": "b", "actor": 1, "sha256": "c", "file": Path("d")}
writers = {
    "wav": lambda: write_wav(folder / "a.wav", noise, 16000),
    "features": lambda: store.update(
        {"x": store.Target(folder, spec, {"x": "float64"})},
        pd.DataFrame([row]),
        lambda file, names: {"x": {"x": noise}},
        workers=1,
    ),
}
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
sys.exit(run_command(writers[sys.argv[2]]))
"""


def fail_with(error: BaseException) -> Callable[[], int]:
    def command() -> int:
        raise error

    return command


@pytest.mark.parametrize("code", [0, 3])
def test_a_command_s_own_exit_code(code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(lambda: code) == code
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("error", [AvemoError("one\n  and  two"), SettingsError("one and two")])
def test_what_can_be_explained_is_one_line(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(fail_with(error)) == 1
    assert capsys.readouterr() == ("", "avemo: one and two\n")


def test_stopped_by_hand_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(fail_with(KeyboardInterrupt())) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> int:
        return Path("/dev/full").write_text("some text")

    assert run_command(command) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("avemo: the disk is full")
    assert err.count("\n") == 1


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="no limits on a file's size on this system")
@pytest.mark.parametrize("writer", ["wav", "features"])
def test_a_disk_that_fills_up_in_the_middle_is_one_line(tmp_path: Path, writer: str) -> None:
    command = [sys.executable, "-c", FULL_IN_THE_MIDDLE, str(tmp_path / "out"), writer]
    process = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
    *_, last = process.stderr.splitlines()
    assert "Traceback" not in process.stderr
    assert last.startswith("avemo: the disk is full")
    assert process.returncode == 1
    assert [file for file in (tmp_path / "out").rglob("*") if file.is_file()] == []


@pytest.mark.parametrize(
    ("error", "start"),
    [
        (OSError(errno.EIO, "Input/output error"), "the disk fails"),
        (OSError(errno.EIO, "Input/output error", "/a"), "/a: the disk fails"),
        (ValueError("failures: {'a': \"OSError(5, 'Input/output error')\"}"), "the disk fails"),
        (sqlite3.OperationalError("disk I/O error"), "the disk fails"),
    ],
)
def test_a_disk_that_fails_is_one_line(
    error: Exception, start: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(fail_with(error)) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"avemo: {start}")


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOENT])
def test_other_errors_of_the_system_go_on(number: int) -> None:
    with pytest.raises(OSError, match="why"):
        run_command(fail_with(OSError(number, "why")))


def test_a_fault_goes_on() -> None:
    with pytest.raises(ZeroDivisionError):
        run_command(lambda: 1 // 0)
