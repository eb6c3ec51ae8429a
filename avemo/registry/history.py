"""Every move of a registered model's champion, as its tags `avemo.move.0001`, `…0002`, ….

Every MLflow store has tags and shows them, and writes one whole or not at all. A move is
written down before it is made and marked once it is made, as in a journal: the mark tells an
interrupted move. Whoever holds `lock.promotion_lock` writes, so that no two moves have one number.
"""

import getpass
import json
import os
import socket
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..git import run_git
from .aliases import PREVIOUS

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = [
    "Kind",
    "Move",
    "State",
    "current_user",
    "new_move",
    "parse_moves",
    "rollback_target",
    "set_previous",
    "write_move",
]

_TAG = "avemo.move."

State = Literal["begun", "done", "interrupted"]
#: `register`: the first champion of a model, which there is nothing to compare with; `outside`: not
#: by avemo, see `outside_moves`
Kind = Literal["register", "promote", "rollback", "outside"]


@dataclass(frozen=True)
class Move:
    """A change of a registered model's champion.

    Args:
        number: from 1
        time: in UTC, ISO 8601; of a move outside avemo, when it was seen
        who: see `current_user`; `unknown` of a move outside avemo
        kind: register, promote, rollback or outside
        source: the version that was champion; empty where there was none
        target: the version that becomes champion; empty where somebody took the alias away
        reason: why, in the user's words; may be empty
        check: `passed`, or the rules that refused it; empty where nothing was checked (yet)
        state: begun, done or interrupted
    """

    number: int
    time: str
    who: str
    kind: Kind
    source: str
    target: str
    reason: str = ""
    check: str = ""
    state: State = "begun"

    def with_state(self, state: State) -> "Move":
        """Return the same move in another state."""
        return replace(self, state=state)


def new_move(
    earlier: Sequence[Move],
    root: Path,
    kind: Kind,
    *,
    source: str,
    target: str,
    reason: str = "",
    check: str = "",
) -> Move:
    """Return the next move, with the current time and user.

    Args:
        earlier: the moves until now
        root: the project's folder
        kind: see `Move`, as all others
    """
    time = datetime.now(UTC).isoformat(timespec="seconds")
    number = len(earlier) + 1
    return Move(number, time, current_user(root), kind, source, target, reason, check)


def parse_moves(tags: dict[str, str]) -> list[Move]:
    """Return the moves that a registered model's tags hold, in order."""
    return [Move(**json.loads(tags[key])) for key in sorted(tags) if key.startswith(_TAG)]


def write_move(client: "MlflowClient", name: str, move: Move) -> None:
    """Write a move into the tags of a registered model."""
    text = json.dumps(asdict(move))
    client.set_registered_model_tag(name, f"{_TAG}{move.number:04}", text)


def rollback_target(moves: Sequence[Move]) -> str:
    """Return the version that a rollback returns to; empty where there is none.

    A rollback takes back the last promotion that was not taken back yet, so that a second one goes
    on to the version before. A move outside avemo counts as a promotion, or as a rollback where it
    returns to the version before.
    """
    champions: list[str] = []
    for move in moves:
        if move.state != "done":
            continue
        returns = bool(champions) and champions[-1] == move.target
        if move.kind == "promote" or (move.kind == "outside" and not returns):
            champions.append(move.source)
        elif move.kind in ("rollback", "outside") and champions:
            champions.pop()
    return champions[-1] if champions else ""


def set_previous(client: "MlflowClient", name: str, moves: Sequence[Move]) -> None:
    """Give the alias `previous` to the version that a rollback returns to."""
    previous = rollback_target(moves)
    if previous:
        client.set_registered_model_alias(name, PREVIOUS, previous)
    else:
        client.delete_registered_model_alias(name, PREVIOUS)


def current_user(root: Path) -> str:
    """Return the system's user and host, after the name that Git has, if any.

    Args:
        root: a folder of the Git repository
    """
    name = run_git(root, "config", "user.name").stdout.decode().strip()
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user that has no name
        user = f"user {os.getuid()}"
    account = f"{user}@{socket.gethostname()}"
    return f"{name} ({account})" if name else account
