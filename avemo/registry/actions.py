"""What `avemo registry` does and says: each returns the command's exit code."""

from ..errors import AvemoError
from ..paths import Project
from ..settings import Settings
from ..tracking import integrity as checksums
from . import gate
from . import history as kept
from . import promote as moves
from .register import CHAMPION

__all__ = ["check", "history", "promote", "rollback", "verify"]


def check(project: Project, settings: Settings, model: str | None) -> int:
    """1 where one is refused."""
    found = [gate.check(project, settings, name) for name in gate.candidates(model)]
    print("\n\n".join("\n".join(gate.lines(one)) for one in found))
    return int(any(one.refused for one in found))


def promote(
    project: Project, settings: Settings, model: str | None, *, force: bool, reason: str
) -> int:
    """1 where one is refused.

    Raises:
        AvemoError: force without a reason
    """
    if force and not reason:
        raise AvemoError("--force wants a reason, which the history keeps: --reason TEXT")
    code = 0
    for name in gate.candidates(model):
        found, move = moves.promote(project, settings, name, force=force, reason=reason)
        print("\n".join(gate.lines(found)))
        if move:
            print(f"{name}: version {move.target} is the champion{_former(move)}")
        elif gate.aliases(name).get(CHAMPION) == found.version:
            print(f"{name}: version {found.version} is the champion already")
        else:
            print(f"{name}: version {found.version} does not become the champion")
        code = code or int(bool(found.refused) and not force)
    return code


def rollback(project: Project, model: str, *, reason: str) -> int:
    """Always 0."""
    name = gate.named(model)
    move = moves.rollback(project.root, name, reason=reason)
    print(f"{name}: version {move.target} is the champion again, after version {move.source}")
    return 0


def history(model: str | None) -> int:
    """Always 0."""
    import mlflow

    client = mlflow.MlflowClient()
    for name in gate.names(model):
        known = gate.aliases(name)
        tags = client.get_registered_model(name).tags if known else {}
        found = kept.moves(tags)
        for move in found:
            print(kept.line(name, move))
        champion = known.get(CHAMPION)
        if not found or champion != found[-1].target:
            print(f"{name}: the champion is {f'version {champion}' if champion else 'absent'}")
    return 0


def verify(model: str | None) -> int:
    """1 where a file was changed."""
    import mlflow

    client, code = mlflow.MlflowClient(), 0
    for name in gate.names(model):
        numbers: dict[str, list[str]] = {}
        for alias, number in sorted(gate.aliases(name).items()):
            numbers.setdefault(number, []).append(alias)
        for number, aliases in sorted(numbers.items(), key=lambda one: int(one[0])):
            found = checksums.verified(client.get_model_version(name, number))
            said = "; ".join(found) or "every file is as it was registered"
            print(f"{name} version {number} ({', '.join(aliases)}): {said}")
            code = code or int(bool(found))
    return code


def _former(move: kept.Move) -> str:
    return f", version {move.source} is kept as {moves.PREVIOUS}" if move.source else ""
