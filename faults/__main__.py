"""Run commands under faults: `make faults`, or `python -m faults --minutes 60`.

At a random call of `dvc repro register`, `avemo registry promote`, `avemo registry copy` and `avemo
runs sync`, the command is killed, the disk is full (ENOSPC), a file fails (EIO), no file can be
opened (EMFILE) or the clock jumps by a day. Then the same command is run again, and what must hold
is checked. The exit code is 1 if it does not hold.
"""

import argparse
import hashlib
import itertools
import logging
import random
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from filelock import FileLock, Timeout

from avemo.cache import writable_cache_folder
from avemo.commands import run_command
from avemo.errors import AvemoError
from avemo.terminal import new_table, show

from .injector import COUNTED_BY, Injector
from .operations import OPERATIONS, Commands
from .project import ROOT, build_projects, listed_files
from .rounds import Round, draw_round, keep_round, read_reference, run_round

log = logging.getLogger(__name__)


def main() -> int:
    """Run rounds, and return the exit code."""
    arguments = _parse_arguments()
    folder = arguments.folder or _default_folder()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / "lock", timeout=0):
            return _run(folder, arguments)
    except Timeout:
        raise AvemoError(
            f"faults are run in {folder} already: wait, or name another folder: --folder"
        ) from None


def _run(folder: Path, arguments: argparse.Namespace) -> int:
    log.info(f"faults: the projects are in {folder}; what is missing is built, in some minutes")
    workspace = build_projects(folder)
    log.info(f"faults: seed {arguments.seed}")
    commands = Commands(workspace, Injector(workspace.folder / "injector"))
    with closing(commands):
        return _run_rounds(commands, arguments)


def _run_rounds(commands: Commands, arguments: argparse.Namespace) -> int:
    end = time.monotonic() + 60 * arguments.minutes
    rounds: list[Round] = []
    violations: Counter[tuple[str, str]] = Counter()
    for number in _numbers(arguments):
        round_ = draw_round(arguments.seed, number)
        if arguments.round is None and not _is_wanted(round_, arguments):
            continue
        if arguments.round is None and time.monotonic() > end:
            break
        reference = read_reference(commands, round_.operation)
        begin = time.monotonic()
        problems = run_round(commands, round_, reference)
        rounds.append(round_)
        log.info(
            f"round {number}: {round_.operation}, {round_.fault(reference.calls)}: "
            f"{len(problems) or 'no'} violation{'s' * (len(problems) != 1)}, "
            f"{time.monotonic() - begin:.0f} s"
        )
        if problems:
            violations[round_.operation, round_.kind] += 1
            _report(problems, keep_round(commands.workspace, round_), arguments.seed, round_)
    _show_table(rounds, violations, commands.processor_s)
    return int(bool(violations))


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m faults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=15, help="begin no round after; 15")
    parser.add_argument("--rounds", type=int, help="at most so many")
    parser.add_argument(
        "--first", type=int, default=0, help="begin with this one, to go on with an earlier run; 0"
    )
    parser.add_argument(
        "--seed", type=int, default=random.randrange(10**6), help="of the rounds; by default drawn"
    )
    parser.add_argument("--round", type=int, help="this one alone, such as one that was violated")
    parser.add_argument("--kind", choices=COUNTED_BY, help="faults of this kind alone")
    parser.add_argument("--operation", choices=OPERATIONS, help="this operation alone")
    parser.add_argument(
        "--folder", type=Path, help="for the projects; by default one in the user's cache"
    )
    return parser.parse_args()


def _default_folder() -> Path:
    """Return a folder for projects of this very checkout, because they hold its code."""
    digest = hashlib.sha256()
    for file in listed_files():
        digest.update(f"{file.relative_to(ROOT)} ".encode() + file.read_bytes())
    return writable_cache_folder() / "faults" / digest.hexdigest()[:12]


def _numbers(arguments: argparse.Namespace) -> Iterable[int]:
    if arguments.round is not None:
        return [arguments.round]
    first: int = arguments.first
    if arguments.rounds is None:
        return itertools.count(first)
    return range(first, first + arguments.rounds)


def _is_wanted(round_: Round, arguments: argparse.Namespace) -> bool:
    return arguments.kind in (None, round_.kind) and arguments.operation in (
        None,
        round_.operation,
    )


def _report(problems: list[str], folder: Path, seed: int, round_: Round) -> None:
    for problem in problems:
        log.error(f"round {round_.number}: {problem}")
    log.error(
        f"round {round_.number}: its files are in {folder}; again: "
        f"python -m faults --seed {seed} --round {round_.number}"
    )


def _show_table(
    rounds: list[Round], violations: Counter[tuple[str, str]], processor_s: float
) -> None:
    """Print how many rounds there were, and how many of these with violations."""
    counts = Counter((round_.operation, round_.kind) for round_ in rounds)
    rows = [
        [operation, *(_cell(counts, violations, operation, kind) for kind in COUNTED_BY)]
        for operation in OPERATIONS
    ]
    show(new_table("rounds (violations)", *COUNTED_BY, rows=rows))
    show(
        f"{len(rounds)} rounds in {processor_s / 60:.1f} minutes of processor time, "
        f"{violations.total()} with violations"
    )


def _cell(
    counts: Counter[tuple[str, str]],
    violations: Counter[tuple[str, str]],
    operation: str,
    kind: str,
) -> str:
    key = (operation, kind)
    return f"{counts[key]} ({violations[key]})" if violations[key] else str(counts[key])


if __name__ == "__main__":
    raise SystemExit(run_command(main))
