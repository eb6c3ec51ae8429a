"""A round: a fault at a random call of a command, the same command again, and what must hold."""

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from avemo.errors import AvemoError
from avemo.io import atomic_write
from avemo.repro import remove_damaged_lock
from avemo.tracking.integrity import BYTECODE

from .injector import COUNTED_BY, NOTHING, Calls, Fault
from .invariants import check_project, check_registry, finished_files, own_files, read_versions
from .operations import OPERATIONS, Commands, Ended
from .project import REGISTERED, Workspace

__all__ = ["Reference", "Round", "draw_round", "keep_round", "read_reference", "run_round"]

_DAY_S = 86_400
#: more calls than any command makes
_FOR_GOOD = 10**9
#: one in so many rounds also runs the commands that a user looks with
_LOOK_EVERY = 4
_TRACEBACK = "Traceback (most recent call last)"
_KILLED = -9
#: kinds of fault under which a command can delete its temporary files
_CLEANED_UP = ("ENOSPC", "clock")


class Reference(BaseModel):
    """What an operation does without any fault.

    Args:
        calls: how many it makes
        files: that the project has afterwards
    """

    calls: Calls
    files: set[Path]


@dataclass(frozen=True)
class Round:
    """A fault that happens to an operation.

    Args:
        number: from 0
        operation: of `OPERATIONS`
        kind: of fault, of `COUNTED_BY`
        moment: the share of the operation's calls before the first that it happens to, 0 to 1
        length: to how many calls it happens
        jump_s: by how many seconds the clock jumps
        looks: whether `avemo predict`, `status` and `registry verify` are run, too
    """

    number: int
    operation: str
    kind: str
    moment: float
    length: int
    jump_s: int
    looks: bool

    def fault(self, calls: Calls) -> Fault:
        """Return the fault, at a call of so many."""
        count: int = getattr(calls, COUNTED_BY[self.kind])
        return Fault(self.kind, 1 + int(self.moment * count), self.length, self.jump_s)


def read_reference(commands: Commands, operation: str) -> Reference:
    """Return what an operation does without any fault; it is run once for a workspace.

    Raises:
        AvemoError: it fails, or the invariants do not hold even so
    """
    file = commands.workspace.folder / f"{operation}.json"
    if not file.exists():
        text = _measure(commands, operation).model_dump_json()
        with atomic_write(file) as beside:
            beside.write_text(text, encoding="utf-8")
    return Reference.model_validate_json(file.read_text(encoding="utf-8"))


def draw_round(seed: int, number: int) -> Round:
    """Return a round, which is the same for the same seed and number.

    Of five rounds in a row, from a multiple of five, each has another operation and another kind of
    fault; of 25, each has another pair of the two.
    """
    block, place = divmod(number, len(OPERATIONS))
    operations, kinds = list(OPERATIONS), list(COUNTED_BY)
    random.Random(seed).shuffle(kinds)
    operation = random.Random(f"{seed} {block}").sample(operations, len(operations))[place]
    kind = kinds[(operations.index(operation) + block) % len(kinds)]
    generator = random.Random(f"{seed} {number}")
    return Round(
        number,
        operation,
        kind,
        moment=generator.random(),
        length=_FOR_GOOD if kind == "clock" else generator.choice((1, 3, _FOR_GOOD)),
        jump_s=generator.choice((-_DAY_S, _DAY_S)) if kind == "clock" else 0,
        looks=generator.randrange(_LOOK_EVERY) == 0,
    )


def run_round(commands: Commands, round_: Round, reference: Reference) -> list[str]:
    """Run a round, and return in words what did not hold.

    Args:
        reference: of the operation
    """
    operation, workspace = OPERATIONS[round_.operation], commands.workspace
    workspace.restore(operation.state)
    finished = finished_files(workspace.project)
    fault = round_.fault(reference.calls)
    interrupted = commands.run(operation.command, fault)
    (workspace.round / "interrupted.log").write_text(interrupted.output, encoding="utf-8")
    problems = _check_message(interrupted, round_, workspace.project)
    problems += _check_stores(workspace, interrupted=True)
    if round_.looks and operation.state == REGISTERED:
        problems += _look(commands, "predict", str(_clip(workspace)))
    if round_.kind in _CLEANED_UP:
        problems += [
            f"{file.name} is left over among the temporary files"
            for file in workspace.temporary.iterdir()
            if file.name != BYTECODE  # of the functions that TensorFlow traced
        ]
    problems = [f"after the fault: {problem}" for problem in problems]
    remove_damaged_lock(workspace.project)  # as `avemo repro` does; DVC would refuse to go on
    again = commands.run(operation.command, NOTHING)
    (workspace.round / "again.log").write_text(again.output, encoding="utf-8")
    if again.code != 0:
        last = (again.output.strip().splitlines() or ["nothing"])[-1]
        return [*problems, f"the same command again ends with {again.code}: {last}"]
    if _TRACEBACK in again.output:
        problems.append("the same command again prints a traceback")
    problems += _check_stores(workspace, interrupted=False)
    problems += _RESULTS[round_.operation](workspace)
    problems += check_project(workspace.project, reference.files)
    if finished_files(workspace.project) != finished:
        problems.append("what earlier stages had finished was written again")
    if round_.looks:
        for words in (("predict", str(_clip(workspace))), ("registry", "verify"), ("status",)):
            problems += _look(commands, *words)
    return problems


def keep_round(workspace: Workspace, round_: Round) -> Path:
    """Keep a round's folder, to look into, and return where it is."""
    folder = workspace.folder / "violations" / f"{round_.number}-{round_.operation}"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(workspace.round, folder, symlinks=True)
    return folder


def _measure(commands: Commands, name: str) -> Reference:
    """Run an operation without any fault."""
    operation, workspace = OPERATIONS[name], commands.workspace
    workspace.restore(operation.state)
    finished = finished_files(workspace.project)
    ended = commands.run(operation.command, NOTHING)
    calls = commands.calls()
    problems = [*_check_stores(workspace, interrupted=False), *_RESULTS[name](workspace)]
    if finished_files(workspace.project) != finished:
        problems.append("what earlier stages had finished was written again")
    if ended.code != 0 or problems:
        raise AvemoError(
            f"{name} fails without any fault, with {ended.code}: {'; '.join(problems)} "
            f"{ended.output[-500:]}"
        )
    return Reference(calls=calls, files=own_files(workspace.project))


def _check_message(ended: Ended, round_: Round, project: Path) -> list[str]:
    """Return what is wrong with how a command ended while the fault was there.

    DVC, which may not open its settings either, ends with tracebacks that are its own alone.
    """
    if ended.code is None:
        return ["the command hangs"]
    if round_.kind == "kill" and ended.code == _KILLED:
        return []
    problems = []
    is_dvc = OPERATIONS[round_.operation].command[0] == "dvc"
    if _TRACEBACK in ended.output and not (is_dvc and f'File "{project}' not in ended.output):
        problems.append(f"a traceback: {ended.output.strip().splitlines()[-1]}")
    if ended.code and round_.kind == "clock":
        problems.append(f"a clock that jumps ends it: {ended.output.strip()[-300:]}")
    lines = ended.output.splitlines()
    if ended.code and not any(line.startswith(("avemo: ", "ERROR: ")) for line in lines):
        problems.append(f"it ends with {ended.code} and says no reason")
    return problems


def _check_stores(workspace: Workspace, *, interrupted: bool) -> list[str]:
    """Return what is wrong with the project's registry, the other one and the spool."""
    stores = {
        "": workspace.project / "mlruns",
        "other registry: ": workspace.other_store,
    }
    return [
        prefix + problem
        for prefix, folder in stores.items()
        for problem in check_registry(folder / "mlflow.db", interrupted=interrupted)
    ]


def _look(commands: Commands, *words: str) -> list[str]:
    """Return what is wrong with an answer of `avemo`."""
    ended = commands.run(("avemo", *words), NOTHING)
    if ended.code == 0:
        return []
    return [f"`avemo {words[0]}` ends with {ended.code}: {ended.output.strip()[-300:]}"]


def _clip(workspace: Workspace) -> Path:
    return min((workspace.project / "sounds").iterdir())


def _expect(value: object, expected: object, what: str) -> Iterator[str]:
    if value != expected:
        yield f"{what}: {value} in place of {expected}"


def _check_registered(workspace: Workspace) -> list[str]:
    """The first version is the champion, and the last one the candidate."""
    with closing(sqlite3.connect(workspace.project / "mlruns" / "mlflow.db")) as connection:
        numbers = [int(version.number) for version in read_versions(connection)]
        aliases = _aliases(connection)
    if not numbers:
        return ["no version is registered"]
    expected = {"champion": min(numbers), "candidate": max(numbers)}
    return list(_expect(aliases, expected, "aliases"))


def _check_promoted(workspace: Workspace) -> list[str]:
    """The candidate is the champion."""
    with closing(sqlite3.connect(workspace.project / "mlruns" / "mlflow.db")) as connection:
        expected = {"candidate": 2, "champion": 2, "previous": 1}
        return list(_expect(_aliases(connection), expected, "aliases"))


def _check_copied(workspace: Workspace) -> list[str]:
    """The other registry has one version, the candidate, with its run."""
    with closing(sqlite3.connect(workspace.other_store / "mlflow.db")) as connection:
        versions = read_versions(connection)
        aliases = _aliases(connection)
        statuses = connection.execute("SELECT status FROM runs WHERE lifecycle_stage = 'active'")
        runs = [status for (status,) in statuses]
    return [
        *_expect([int(version.number) for version in versions], [1], "copied versions"),
        *_expect(aliases, {"candidate": 1}, "aliases of the copy"),
        *_expect(runs, ["FINISHED"], "copied runs"),
    ]


def _check_delivered(workspace: Workspace) -> list[str]:
    """Each run that waited is delivered once, with all that it holds."""
    tracking = workspace.project / "mlruns"
    active = "FROM runs WHERE lifecycle_stage = 'active'"
    with closing(sqlite3.connect(tracking / "spool" / "mlflow.db")) as connection:
        (waiting,) = connection.execute(f"SELECT count(*) {active}").fetchone()
    with closing(sqlite3.connect(tracking / "mlflow.db")) as connection:
        delivered = connection.execute(
            f"SELECT name, run_uuid, artifact_uri {active} AND run_uuid IN "
            "(SELECT run_uuid FROM tags WHERE key = 'avemo.spool') ORDER BY name"
        ).fetchall()
        counts = {
            name: tuple(
                connection.execute(
                    f"SELECT count(*) FROM {table} WHERE run_uuid = ?", (run_id,)
                ).fetchone()[0]
                for table in ("params", "metrics")
            )
            for name, run_id, _ in delivered
        }
        parents = connection.execute(
            "SELECT value FROM tags WHERE key = 'mlflow.parentRunId' AND run_uuid IN "
            f"(SELECT run_uuid {active} AND name = 'member 0')"
        ).fetchall()
    names = [name for name, _, _ in delivered]
    problems = [
        *_expect(waiting, 0, "runs that wait"),
        *_expect(names, ["member 0", "waiting"], "delivered runs"),
        *_expect(counts, {"member 0": (0, 120), "waiting": (120, 0)}, "params and metrics"),
    ]
    for name, run_id, location in delivered:
        if name == "waiting":
            file = Path(location.removeprefix("file://")) / "folder" / "file.txt"
            problems += _expect(file.is_file(), True, "artifact of the delivered run")
            problems += _expect((run_id,) in parents, True, "parent of the delivered member")
    return problems


def _aliases(connection: sqlite3.Connection) -> dict[str, int]:
    query = "SELECT alias, version FROM registered_model_aliases WHERE name = 'avemo-audio'"
    return {alias: int(number) for alias, number in connection.execute(query)}


#: what an operation must have brought about in the end
_RESULTS: dict[str, Callable[[Workspace], list[str]]] = {
    "register": _check_registered,
    "register-again": _check_registered,
    "promote": _check_promoted,
    "copy": _check_copied,
    "sync": _check_delivered,
}
