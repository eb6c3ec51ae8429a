"""The run under faults: its faults strike, and its invariants see what is broken."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.registered_versions import NAME, ROOT, new_predictions, register_version

from avemo.registry.history import new_move, write_move
from faults.injector import COUNTED_BY, NOTHING, Calls, Fault, Injector
from faults.invariants import check_project, check_registry, finished_files, own_files
from faults.rounds import Reference, draw_round

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
    calls = Calls(changes=7, openings=3, readings=11)
    operations = ("register", "register-again", "promote", "copy", "sync")
    references = {name: Reference(calls=calls, files=set()) for name in operations}
    rounds = [draw_round(1, number, references) for number in range(300)]
    assert rounds == [draw_round(1, number, references) for number in range(300)]
    assert rounds != [draw_round(2, number, references) for number in range(300)]
    assert {(item.operation, item.fault.kind) for item in rounds} == {
        (operation, kind) for operation in operations for kind in COUNTED_BY
    }
    for item in rounds:
        assert 1 <= item.fault.first <= getattr(calls, COUNTED_BY[item.fault.kind])


def execute(*statements: str) -> Callable[[Path], None]:
    def change(database: Path) -> None:
        with closing(sqlite3.connect(database)) as connection, connection:
            for statement in statements:
                connection.execute(statement)

    return change


def damage_file(database: Path) -> None:
    min(database.parent.glob("artifacts/**/load.py")).write_text("changed")


def delete_files(database: Path) -> None:
    shutil.rmtree(min(database.parent.glob("artifacts/**/load.py")).parent)


@pytest.fixture
def complete_registry(registry: str, tmp_path: Path) -> Path:
    """The database of a registry with a champion, of which nothing is wrong."""
    import mlflow

    client = mlflow.MlflowClient()
    number = register_version(tmp_path / "version", new_predictions(0.8), alias="champion")
    for tag in ("avemo.architecture", "avemo.classes", "avemo.commit"):
        client.set_model_version_tag(NAME, number, tag, "value")
    move = new_move([], tmp_path, "register", source="", target=number)
    write_move(client, NAME, replace(move, state="done"))
    return tmp_path / "mlflow.db"


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (damage_file, "load.py is changed"),
        (delete_files, "has no files"),
        (execute("UPDATE model_versions SET status = 'PENDING_REGISTRATION'"), "is PENDING"),
        (execute("UPDATE runs SET lifecycle_stage = 'deleted'"), "has no run"),
        (execute("UPDATE runs SET status = 'RUNNING'"), "is RUNNING, and nobody runs it"),
        (execute("UPDATE logged_models SET status = 1"), "no logged model that is ready"),
        (execute("DELETE FROM model_version_tags WHERE key = 'avemo.commit'"), "lacks the tags"),
        (
            execute(
                "DELETE FROM registered_model_aliases", "DELETE FROM model_version_tags",
                "DELETE FROM model_versions",
            ),
            "belongs to no version",
        ),
        (
            execute("UPDATE registered_model_aliases SET version = 7"),
            "champion is version 7, which does not exist",
        ),
        (
            execute("UPDATE registered_model_tags SET value = replace(value, 'done', 'begun')"),
            "move 1 is begun, and not ended",
        ),
        (
            execute("DELETE FROM registered_model_aliases"),
            "the champion is None, the last move made it 1",
        ),
        (
            execute(
                "INSERT INTO registered_models (name, workspace) "
                f"VALUES ('{NAME}.moving-0', 'default')"
            ),
            f"the lock {NAME}.moving-0 is left over",
        ),
    ],
)  # fmt: skip
def test_what_is_broken_in_a_registry_is_a_violation(
    complete_registry: Path, damage: Callable[[Path], None], problem: str
) -> None:
    assert check_registry(complete_registry, interrupted=False) == []
    damage(complete_registry)
    problems = check_registry(complete_registry, interrupted=False)
    assert any(problem in text for text in problems), problems


def test_what_is_under_way_is_no_violation_before_the_command_is_run_again(
    complete_registry: Path,
) -> None:
    execute(
        "UPDATE runs SET status = 'RUNNING'",
        "UPDATE registered_model_tags SET value = replace(value, 'done', 'begun')",
    )(complete_registry)
    assert check_registry(complete_registry, interrupted=True) == []
    assert len(check_registry(complete_registry, interrupted=False)) == 2


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


def test_an_unknown_kind_is_refused_with_those_that_exist() -> None:
    command = [sys.executable, "-m", "faults", "--kind", "fire"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 2
    assert all(kind in result.stderr for kind in COUNTED_BY)


@needs_compiler
@pytest.mark.slow
def test_a_dozen_rounds_have_no_violation(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "faults", "--rounds", "12", "--seed", "1"]
    result = subprocess.run(
        [*command, "--minutes", "600", "--folder", str(tmp_path / "faults")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    assert "12 rounds" in result.stdout
