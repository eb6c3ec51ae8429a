"""Every move of a registered model's champion, kept as its tags `avemo.move.0001`, `…0002`, ….

Tags are what every MLflow store has and shows, and one is written whole or not at all. A move is
written down before it is made and marked once it is made, as a journal is: an interrupted one is
found by its mark. Each is written by who holds the claim of `claim.py`, so that no two have one
number.
"""

import getpass
import json
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["Move", "back_to", "line", "moves", "new", "who", "write"]

_TAG = "avemo.move."

BEGUN, DONE, INTERRUPTED = "begun", "done", "interrupted"
REGISTER, PROMOTE, ROLLBACK = "register", "promote", "rollback"


@dataclass(frozen=True)
class Move:
    """One.

    Args:
        number: from 1
        kind: register (the first, which has nothing to be held against), promote or rollback
        source: the version that was champion; empty where there was none
        target: the version that is to be it
        check: `passed`, what it was refused for, or empty
        state: begun, done or interrupted
    """

    number: int
    time: str
    who: str
    kind: str
    source: str
    target: str
    reason: str
    check: str
    state: str = BEGUN

    def ended(self, state: str) -> "Move":
        """The same, with its end."""
        return replace(self, state=state)


def new(before: Sequence[Move], root: Path, **fields: str) -> Move:
    """The next move, by whom and when it is."""
    time = datetime.now(UTC).isoformat(timespec="seconds")
    return Move(number=len(before) + 1, time=time, who=who(root), **fields)


def moves(tags: dict[str, str]) -> list[Move]:
    """In order.

    Args:
        tags: of the registered model
    """
    return [Move(**json.loads(tags[key])) for key in sorted(tags) if key.startswith(_TAG)]


def write(client: Any, name: str, move: Move) -> None:
    """Into the registered model's tags."""
    text = json.dumps(asdict(move))
    client.set_registered_model_tag(name, f"{_TAG}{move.number:04}", text)


def back_to(before: Sequence[Move]) -> str:
    """The version that a rollback returns to; empty where there is none.

    A rollback takes the last promotion back that was not taken back yet, so that a second one goes
    on to the version before.
    """
    stack: list[str] = []
    for move in before:
        if move.state != DONE:
            continue
        if move.kind == PROMOTE:
            stack.append(move.source)
        elif move.kind == ROLLBACK and stack:
            stack.pop()
    return stack[-1] if stack else ""


def line(name: str, move: Move) -> str:
    """For a terminal."""
    state = "" if move.state == DONE else f", {move.state}"
    came = f"version {move.source} to {move.target}" if move.source else f"to {move.target}"
    parts = [move.time, name, f"{move.kind}: {came}{state}", f"by {move.who}"]
    parts += [f"check {move.check}"] * bool(move.check)
    parts += [f"reason: {move.reason}"] * bool(move.reason)
    return "  ".join(parts)


def who(root: Path) -> str:
    """Git's user where there is one, and the system's."""
    command = ["git", "-C", str(root), "config", "user.name"]
    try:
        named = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:
        named = ""
    account = f"{getpass.getuser()}@{socket.gethostname()}"
    return f"{named} ({account})" if named else account
