"""Moves of the champion that avemo did not make: in MLflow's UI, or by its client.

MLflow keeps no record of them. Whoever looks, the command line or a service that follows the alias,
compares the champion with the last move in the history, and writes the difference down once. Who
moved it and when exactly is unknown; two such moves between two looks count as one. The gate
judges the version after the fact.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..paths import Project
from ..settings import Settings
from .aliases import CHAMPION
from .history import Move, new_move, parse_moves, set_previous, write_move
from .lock import promotion_lock

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["add_outside_move", "find_outside_move", "judge_outside_moves", "record_outside_move"]

_UNKNOWN = "unknown"


def find_outside_move(moves: Sequence[Move], aliases: Mapping[str, str], root: Path) -> Move | None:
    """Return the move that must have been made outside avemo; None where there is none.

    Args:
        moves: the history
        aliases: the version behind each alias
        root: the project's folder
    """
    if moves and moves[-1].state == "begun":  # avemo's own, under way or interrupted
        return None
    done = [move for move in moves if move.state == "done"]
    source = done[-1].target if done else ""
    target = str(aliases.get(CHAMPION, ""))
    if source == target:
        return None
    move = new_move(moves, root, "outside", source=source, target=target)
    return replace(move, who=_UNKNOWN, state="done")


def record_outside_move(client: "MlflowClient", name: str, root: Path) -> list[Move]:
    """Return the history, with a move that was made outside avemo as its last.

    Args:
        client: of the registry
        name: of the registered model
        root: the project's folder

    Raises:
        AvemoError: somebody is moving the champion just now
        MlflowException: there is no such model, or the registry lets nobody write
    """
    model = client.get_registered_model(name)
    moves = parse_moves(model.tags)
    if find_outside_move(moves, model.aliases, root) is None:
        return moves
    with promotion_lock(client, name, root):
        model = client.get_registered_model(name)  # somebody else may have written it down
        return add_outside_move(client, name, root, parse_moves(model.tags), model.aliases)


def add_outside_move(
    client: "MlflowClient",
    name: str,
    root: Path,
    moves: list[Move],
    aliases: Mapping[str, str],
) -> list[Move]:
    """Write down a move that was made outside avemo, if any, and return the history with it.

    Args:
        client: of the registry, whose lock the caller holds
        name: of the registered model
        root: the project's folder
        moves: the history
        aliases: the version behind each alias
    """
    move = find_outside_move(moves, aliases, root)
    if move is None:
        return moves
    write_move(client, name, move)
    set_previous(client, name, [*moves, move])
    return [*moves, move]


def judge_outside_moves(
    client: "MlflowClient", project: Project, settings: Settings, name: str, moves: list[Move]
) -> list[Move]:
    """Return the history in which the gate has judged each version that was moved outside avemo.

    Args:
        client: of the registry
        project: with the key that `promotion.require_key` names, if any
        settings: with the limits of the gate
        name: of the registered model
        moves: the history
    """
    from .gate import judge_version

    checked_moves = list(moves)
    for place, move in enumerate(moves):
        if move.kind == "outside" and move.target and not move.check:
            result = judge_version(project, settings, name, move.target, move.source)
            checked_moves[place] = replace(move, check=result)
            write_move(client, name, checked_moves[place])
    return checked_moves
