"""The champion moves: to a candidate that passes the check, and back.

A move is written down, `previous` is set, then `champion`, and the move is marked as done. Each of
these is one write of MLflow's, so that there is one champion at every moment. Who comes next after
an interruption finds the move that was begun, sees whether the champion moved, and puts the rest
right.
"""

from pathlib import Path
from typing import Any

from ..errors import AvemoError
from ..paths import Project
from ..settings import Settings
from ..tracking import integrity
from . import gate, history, lock
from .history import DONE, INTERRUPTED, PROMOTE, ROLLBACK, Move
from .register import CHAMPION

__all__ = ["PREVIOUS", "promote", "rollback"]

PREVIOUS = "previous"


def promote(
    project: Project, settings: Settings, name: str, *, force: bool = False, reason: str = ""
) -> tuple[gate.Check, Move | None]:
    """Make the candidate the champion, if the check passes.

    Args:
        name: of a registered model that has a candidate
        force: make it the champion whatever the check says
        reason: why; kept in the history

    Returns:
        the check, and the move; None where the check refuses it or it is the champion already

    Raises:
        AvemoError: the candidate's files were changed, or somebody else moved the champion
    """
    import mlflow

    client = mlflow.MlflowClient()
    found = gate.check(project, settings, name)
    if found.refused and not force:
        return found, None
    with lock.held(client, name, project.root):
        before = _mended(client, name)
        champion = gate.aliases(name).get(CHAMPION, "")
        if champion == found.version:
            return found, None
        if champion != found.champion:
            raise AvemoError(
                f"the champion of {name} became version {champion} while version {found.version} "
                f"was checked against version {found.champion or 'none'}: try again"
            )
        move = history.new(
            before,
            project.root,
            kind=PROMOTE,
            source=champion,
            target=found.version,
            reason=reason,
            check=found.result,
        )
        return found, _made(client, name, before, move)


def rollback(root: Path, name: str, *, reason: str = "") -> Move:
    """Return to the version that was the champion before.

    Args:
        root: the project's folder
        name: of the registered model
        reason: why; kept in the history

    Raises:
        AvemoError: there is none, its files were changed, or somebody else moves the champion
    """
    import mlflow

    client = mlflow.MlflowClient()
    known = gate.aliases(name)
    if CHAMPION not in known:
        raise AvemoError(f"{name} has no champion: `avemo status` lists what is registered")
    with lock.held(client, name, root):
        before = _mended(client, name)
        target = history.back_to(before)
        if not target:
            raise AvemoError(
                f"{name} has no version to return to: no promotion that was not taken back; "
                f"`avemo registry history {name}` tells every move"
            )
        with integrity.opened(f"models:/{name}/{target}"):
            pass
        move = history.new(
            before,
            root,
            kind=ROLLBACK,
            source=gate.aliases(name)[CHAMPION],
            target=target,
            reason=reason,
            check="",
        )
        return _made(client, name, before, move)


def _made(client: Any, name: str, before: list[Move], move: Move) -> Move:
    history.write(client, name, move)
    _set_previous(client, name, [*before, move.ended(DONE)])
    client.set_registered_model_alias(name, CHAMPION, move.target)
    move = move.ended(DONE)
    history.write(client, name, move)
    return move


def _mended(client: Any, name: str) -> list[Move]:
    """The moves until now, after what an interrupted one left is put right."""
    model = client.get_registered_model(name)
    before = history.moves(model.tags)
    if before and before[-1].state == history.BEGUN:
        moved = str(model.aliases.get(CHAMPION, "")) == before[-1].target
        before[-1] = before[-1].ended(DONE if moved else INTERRUPTED)
        _set_previous(client, name, before)
        history.write(client, name, before[-1])
    return before


def _set_previous(client: Any, name: str, moves: list[Move]) -> None:
    previous = history.back_to(moves)
    if previous:
        client.set_registered_model_alias(name, PREVIOUS, previous)
    else:
        client.delete_registered_model_alias(name, PREVIOUS)
