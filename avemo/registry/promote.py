"""The champion moves: to a candidate that passes the check, and back.

A move is written down, `previous` is set, then `champion`, and the move is marked as done. MLflow
does each of these in one write, so that there is one champion at every moment. Who comes next after
an interruption finds the move that was begun, sees whether the champion moved, and puts the rest
right.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import AvemoError
from ..paths import Project
from ..settings import Settings
from ..tracking.integrity import open_verified
from ..tracking.keys import PublicKey
from ..tracking.lookup import version_label
from ..tracking.signature import require_signature
from .aliases import CHAMPION, aliases_of
from .gate import Check, check_candidate
from .history import Move, new_move, parse_moves, rollback_target, set_previous, write_move
from .lock import promotion_lock
from .outside_moves import add_outside_move
from .rules import FEATURES, OWNER_SIGNATURE

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["promote", "rollback"]


def promote(
    project: Project,
    settings: Settings,
    name: str,
    *,
    force: bool = False,
    reason: str = "",
    require_key: PublicKey | None = None,
) -> tuple[Check, Move | None]:
    """Make the candidate the champion, if the check passes.

    Args:
        project: where the clips are that the check measures time on
        settings: with the limits of the check
        name: of a registered model that has a candidate
        force: make it the champion whatever the check says
        reason: why, for the history
        require_key: that must have signed it, force or not; None where no signature is required

    Returns:
        the check, and the move; None where the check refuses it or it is the champion already

    Raises:
        AvemoError: force without a reason or against the rules of imported features and of the
            signature, the candidate's files were changed, or somebody else moved the champion
    """
    import mlflow

    if force and not reason:
        raise AvemoError("--force wants a reason, which the history keeps: --reason TEXT")
    client = mlflow.MlflowClient()
    check = check_candidate(project, settings, name, require_key=require_key)
    if force and FEATURES in check.refused_rules:
        raise AvemoError(
            f"{name} version {check.version} takes imported features, so that it answers for no "
            "film: --force does not make it the champion; register one whose features are computed"
        )
    if force and OWNER_SIGNATURE in check.refused_rules:
        (rule,) = (rule for rule in check.rules if rule.rule == OWNER_SIGNATURE)
        raise AvemoError(
            f"{version_label(name, check.version)}: {rule.candidate}: --force does not make it the "
            "champion; whoever holds the private key signs it: avemo registry sign"
        )
    if check.refused_rules and not force:
        return check, None
    with promotion_lock(client, name, project.root):
        moves = _repair_moves(client, name)
        champion = aliases_of(name).get(CHAMPION, "")
        if champion == check.version:
            return check, None
        if champion != check.champion:
            raise AvemoError(
                f"the champion of {name} became version {champion} while version {check.version} "
                f"was checked against version {check.champion or 'none'}: try again"
            )
        moves = add_outside_move(client, name, project.root, moves, {CHAMPION: champion})
        move = new_move(
            moves,
            project.root,
            "promote",
            source=champion,
            target=check.version,
            reason=reason,
            check=check.result,
        )
        return check, _move_champion(client, name, moves, move)


def rollback(
    root: Path, name: str, *, reason: str = "", require_key: PublicKey | None = None
) -> Move:
    """Return to the version that was the champion before.

    Args:
        root: the project's folder
        name: of the registered model
        reason: why, for the history
        require_key: that must have signed the earlier champion; None where none is required

    Raises:
        AvemoError: there is no earlier champion, its files were changed or are not signed, or
            somebody else is moving the champion
    """
    import mlflow

    client = mlflow.MlflowClient()
    if CHAMPION not in aliases_of(name):
        raise AvemoError(f"{name} has no champion: `avemo status` lists what is registered")
    with promotion_lock(client, name, root):
        moves = _repair_moves(client, name)
        moves = add_outside_move(client, name, root, moves, aliases_of(name))
        target = rollback_target(moves)
        if not target:
            raise AvemoError(
                f"{name} has no version to return to: no promotion that was not taken back; "
                f"`avemo registry history {name}` tells every move"
            )
        with open_verified(f"models:/{name}/{target}") as folder:
            if require_key:
                require_signature(folder, require_key, version_label(name, target))
        champion = aliases_of(name)[CHAMPION]
        move = new_move(moves, root, "rollback", source=champion, target=target, reason=reason)
        return _move_champion(client, name, moves, move)


def _move_champion(client: "MlflowClient", name: str, moves: list[Move], move: Move) -> Move:
    done = move.with_state("done")
    write_move(client, name, move)
    set_previous(client, name, [*moves, done])
    client.set_registered_model_alias(name, CHAMPION, move.target)
    write_move(client, name, done)
    return done


def _repair_moves(client: "MlflowClient", name: str) -> list[Move]:
    """Return the moves until now, after putting right what an interrupted one left."""
    model = client.get_registered_model(name)
    moves = parse_moves(model.tags)
    if moves and moves[-1].state == "begun":
        moved = str(model.aliases.get(CHAMPION, "")) == moves[-1].target
        moves[-1] = moves[-1].with_state("done" if moved else "interrupted")
        set_previous(client, name, moves)
        write_move(client, name, moves[-1])
    return moves
