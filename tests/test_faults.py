"""The run under faults: its faults strike, and its invariants see what is broken."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import mlflow
import pytest
from helpers.registered_versions import ROOT
from helpers.registry_fixture import copy_empty_database

from avemo import __version__
from avemo.tracking.integrity import CHECKSUMS_FILE, CHECKSUMS_TAG, compute_sha256
from faults.forkserver import ForkServer
from faults.injector import COUNTED_BY, NOTHING, Calls, Fault, Injector
from faults.invariants import Version, check_project, check_registry, finished_files, own_files
from faults.operations import OPERATIONS
from faults.rounds import draw_round

needs_compiler = pytest.mark.skipif(not shutil.which("gcc"), reason="there is no gcc")
#: two rows, each in a transaction of its own; then the clock
PROGRAM = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1])
connection.execute("CREATE TABLE numbers (number)")
for number in (1, 2):
    with connection:
        connection.execute("INSERT INTO numbers VALUES (?)", (number,))
print(time.time())
"""


def run_program(injector: Injector, fault: Fault, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder / "numbers.db")],
        env=os.environ | injector.prepare(fault, folder),
        capture_output=True,
        text=True,
        start_new_session=True,
    )


@pytest.fixture
def injector(tmp_path: Path) -> Injector:
    return Injector(tmp_path / "injector")


@needs_compiler
@pytest.mark.parametrize("kind", ["kill", "ENOSPC", "EIO", "EMFILE"])
def test_a_fault_strikes_at_its_call_and_a_transaction_is_whole_or_absent(
    injector: Injector, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "counted").mkdir()
    run_program(injector, NOTHING, tmp_path / "counted")
    count = getattr(injector.calls(), COUNTED_BY[kind])
    assert count > 3
    codes = set()
    for first in range(1, count + 1, 1 + count // 8):
        folder = tmp_path / f"{kind}-{first}"
        folder.mkdir()
        ended = run_program(injector, Fault(kind, first), folder)
        codes.add(ended.returncode)
        with closing(sqlite3.connect(folder / "numbers.db")) as connection:
            tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
            numbers = connection.execute("SELECT * FROM numbers").fetchall() if tables else []
        assert numbers in ([], [(1,)], [(1,), (2,)])
        if not ended.returncode:  # such as where a journal could not be deleted at the end
            assert numbers == [(1,), (2,)]
    assert codes == {-9} if kind == "kill" else 1 in codes


@needs_compiler
def test_the_clock_jumps_and_what_is_elsewhere_is_not_counted(
    injector: Injector, tmp_path: Path
) -> None:
    before = run_program(injector, NOTHING, tmp_path)
    jump = Fault("clock", first=1, length=10**9, jump_s=86_400)
    (tmp_path / "numbers.db").unlink()
    after = run_program(injector, jump, tmp_path)
    assert 86_000 < float(after.stdout) - float(before.stdout) < 90_000
    (tmp_path / "numbers.db").unlink()
    (tmp_path / "elsewhere").mkdir()
    assert run_program(injector, Fault("EIO", 1, 10**9), tmp_path / "elsewhere").returncode == 1
    fault = injector.prepare(Fault("EIO", 1, 10**9), tmp_path / "elsewhere")
    arguments = [sys.executable, "-c", PROGRAM, str(tmp_path / "numbers.db")]
    assert subprocess.run(arguments, env=os.environ | fault, capture_output=True).returncode == 0


def test_a_round_is_the_same_for_the_same_seed_and_number() -> None:
    rounds = [draw_round(1, number) for number in range(300)]
    assert rounds == [draw_round(1, number) for number in range(300)]
    assert rounds != [draw_round(2, number) for number in range(300)]
    assert {(item.operation, item.kind) for item in rounds} == {
        (operation, kind) for operation in OPERATIONS for kind in COUNTED_BY
    }
    calls = Calls(changes=7, openings=3, readings=1)
    firsts = {(COUNTED_BY[item.kind], item.fault(calls).first) for item in rounds}
    assert firsts == {
        *(("changes", first) for first in range(1, 8)),
        *(("openings", first) for first in range(1, 4)),
        ("readings", 1),
    }


def test_operations_and_kinds_are_drawn_evenly() -> None:
    for seed in (1, 2, 3):
        rounds = [draw_round(seed, number) for number in range(100)]
        for first in range(0, 100, 5):
            assert {item.operation for item in rounds[first : first + 5]} == set(OPERATIONS)
            assert {item.kind for item in rounds[first : first + 5]} == set(COUNTED_BY)
        for first in range(0, 100, 25):
            pairs = {(item.operation, item.kind) for item in rounds[first : first + 25]}
            assert len(pairs) == 25


@needs_compiler
@pytest.mark.slow
def test_commands_are_forked_with_their_own_variables_and_folder(
    injector: Injector, tmp_path: Path
) -> None:
    environment = os.environ | {"LD_PRELOAD": str(injector.library), "PYTHONPATH": str(ROOT)}
    with closing(ForkServer(ROOT, environment, tmp_path)) as server:
        folder = tmp_path / "counted"
        folder.mkdir()
        variables = os.environ | injector.prepare(NOTHING, tmp_path) | {"PYTHONPATH": str(ROOT)}
        shown = server.run(("avemo", "--version"), folder, variables, 60)
        assert (shown.code, shown.output) == (0, f"avemo {__version__}\n")
        begun = server.run(("dvc", "init", "--no-scm", "--quiet"), folder, variables, 60)
        assert begun.code == 0, begun.output
        count = injector.calls().changes
        assert count > 3
        refused = server.run(("avemo", "no-command"), folder, variables, 60)
        assert refused.code == 2
        (tmp_path / "killed").mkdir()
        variables |= injector.prepare(Fault("kill", count // 2), tmp_path)
        killed = server.run(
            ("dvc", "init", "--no-scm", "--quiet"), tmp_path / "killed", variables, 60
        )
        assert killed.code == -9
        hanging = server.run(("avemo", "--version"), folder, variables, 0)
        assert hanging.code is None


def test_a_file_that_is_left_over_or_written_again_is_seen(tmp_path: Path) -> None:
    for name in ("features/audio/table.parquet", ".git/index", "mlruns/artifacts/a/b"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("content")
    expected, finished = own_files(tmp_path), finished_files(tmp_path)
    assert expected == {Path("features/audio/table.parquet")}
    assert check_project(tmp_path, expected) == []
    (tmp_path / ".git" / "index.lock").touch()
    (tmp_path / "features" / ".table.7.part").touch()
    (tmp_path / "features/audio/table.parquet").write_text("content")
    assert check_project(tmp_path, expected) == [
        "features/.table.7.part is left over",
        ".git/index.lock is left over",
    ]
    assert finished_files(tmp_path) != finished


def test_of_a_version_s_files_bytecode_is_no_change_and_any_other_is(tmp_path: Path) -> None:
    (tmp_path / "load.py").write_text("answer = 42")
    checksums = json.dumps({"load.py": compute_sha256(tmp_path / "load.py")})
    (tmp_path / CHECKSUMS_FILE).write_text(checksums)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "load.cpython-311.pyc").touch()
    tags = {f"avemo.{name}": "" for name in ("architecture", "classes", "corpus", "commit")}
    tags[CHECKSUMS_TAG] = compute_sha256(tmp_path / CHECKSUMS_FILE)
    version = Version("avemo-audio", "1", "READY", "FINISHED", tmp_path, tags, 2, {})
    assert [*version.problems()] == []
    (tmp_path / "answer.py").touch()
    assert [*version.problems()] == ["avemo-audio version 1: answer.py is new"]


def test_a_version_that_was_deleted_is_none(tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    copy_empty_database(database)
    client = mlflow.MlflowClient(f"sqlite:///{database}")
    client.create_registered_model("avemo-audio")
    client.create_model_version("avemo-audio", "file:///gone")
    assert "avemo-audio version 1 has no files" in check_registry(database, interrupted=False)
    client.delete_model_version("avemo-audio", "1")
    assert check_registry(database, interrupted=False) == []


@pytest.mark.slow
def test_an_unknown_kind_is_refused_with_those_that_exist() -> None:
    command = [sys.executable, "-m", "faults", "--kind", "fire"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 2
    assert all(kind in result.stderr for kind in COUNTED_BY)


@needs_compiler
@pytest.mark.slow
def test_rounds_have_no_violation(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "faults", "--rounds", "1", "--operation", "sync"]
    result = subprocess.run(
        [*command, "--seed", "1", "--minutes", "600", "--folder", str(tmp_path / "faults")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    assert ", 0 with violations" in result.stdout
