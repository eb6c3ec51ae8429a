"""`avemo registry`."""

from dataclasses import astuple
from typing import TYPE_CHECKING, Annotated

import typer

from ..modalities import MODALITIES
from ._app import complete_from, connected_project, examples, new_app

if TYPE_CHECKING:
    from ..registry.gate import Check

app = new_app()


_complete_model = complete_from(lambda: MODALITIES)
_HELP = "audio, visual or fused"
Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help=f"{_HELP}.", autocompletion=_complete_model, show_default=False
    ),
]
AnyModel = Annotated[
    str | None,
    typer.Argument(
        metavar="MODEL",
        help=f"{_HELP}; by default all.",
        autocompletion=_complete_model,
        show_default=False,
    ),
]
Reason = Annotated[
    str, typer.Option(metavar="TEXT", help="Why; it stands in the history.", show_default=False)
]


@app.callback()
def registry() -> None:
    """Decide what becomes the champion, see what became it and why, verify and copy files."""


@app.command(epilog=examples("avemo registry check", "avemo registry check audio"))
def check(model: AnyModel = None) -> int:
    """Compare the candidate with the champion, by the rules of `promotion` in params.yaml.

    The version records the result. The exit code is 1 where a candidate is refused.
    """
    with connected_project() as project:
        from ..config import load_settings
        from ..registry import gate

        settings = load_settings(project.root)
        checks = [gate.check(project, settings, name) for name in gate.candidates(model)]
    for place, result in enumerate(checks):
        if place:
            typer.echo()
        _show_check(result)
    return int(any(result.refused for result in checks))


@app.command(
    epilog=examples(
        "avemo registry promote audio",
        'avemo registry promote audio --force --reason "a trial of a week"',
    )
)
def promote(
    model: AnyModel = None,
    reason: Reason = "",
    force: Annotated[
        bool, typer.Option("--force", help="Whatever the check says; needs a reason.")
    ] = False,
) -> int:
    """Make the candidate the champion, if the check passes.

    The former champion gets the alias `previous`. The exit code is 1 where a candidate is
    refused.
    """
    from ..errors import AvemoError

    if force and not reason:
        raise AvemoError("--force wants a reason, which the history keeps: --reason TEXT")
    code = 0
    with connected_project() as project:
        from ..config import load_settings
        from ..registry import gate
        from ..registry import promote as promotion
        from ..registry.register import CHAMPION

        settings = load_settings(project.root)
        for name in gate.candidates(model):
            result, move = promotion.promote(project, settings, name, force=force, reason=reason)
            _show_check(result)
            version = f"{name}: version {result.version}"
            if move:
                former = f", version {move.source} is kept as {promotion.PREVIOUS}"
                typer.echo(f"{version} is the champion{former if move.source else ''}")
            elif gate.aliases(name).get(CHAMPION) == result.version:
                typer.echo(f"{version} is the champion already")
            else:
                typer.echo(f"{version} does not become the champion")
            code = code or int(bool(result.refused) and not force)
    return code


@app.command(epilog=examples('avemo registry rollback audio --reason "it was bad"'))
def rollback(model: Model, reason: Reason = "") -> None:
    """Return to the version that was the champion before."""
    with connected_project() as project:
        from ..registry import gate, promote

        name = gate.named(model)
        move = promote.rollback(project.root, name, reason=reason)
    after = f"after version {move.source}"
    typer.echo(f"{name}: version {move.target} is the champion again, {after}")


@app.command()
def history(model: AnyModel = None) -> None:
    """List every move of the champion, with time, person, reason and check."""
    with connected_project():
        import mlflow

        from ..registry import gate, history
        from ..registry.register import CHAMPION

        client = mlflow.MlflowClient()
        for name in gate.names(model):
            aliases = gate.aliases(name)
            tags = client.get_registered_model(name).tags if aliases else {}
            moves = history.moves(tags)
            for move in moves:
                typer.echo(history.line(name, move))
            champion = aliases.get(CHAMPION)
            if not moves or champion != moves[-1].target:
                version = f"version {champion}" if champion else "absent"
                typer.echo(f"{name}: the champion is {version}")


@app.command()
def verify(model: AnyModel = None) -> int:
    """Compare the files of every version that has an alias with their checksums.

    The exit code is 1 where a file was changed.
    """
    code = 0
    with connected_project():
        import mlflow

        from ..registry import gate
        from ..tracking import integrity

        client = mlflow.MlflowClient()
        for name in gate.names(model):
            aliases: dict[str, list[str]] = {}
            for alias, number in sorted(gate.aliases(name).items()):
                aliases.setdefault(number, []).append(alias)
            for number in sorted(aliases, key=int):
                damage = integrity.verified(client.get_model_version(name, number))
                result = "; ".join(damage) or "every file is as it was registered"
                typer.echo(f"{name} version {number} ({', '.join(aliases[number])}): {result}")
                code = code or int(bool(damage))
    return code


@app.command(
    epilog=examples("avemo registry copy models:/avemo-audio@champion --to https://mlflow.example")
)
def copy(
    source: Annotated[
        str,
        typer.Argument(
            metavar="URI", help="Such as models:/avemo-audio@champion.", show_default=False
        ),
    ],
    to: Annotated[
        str, typer.Option(metavar="TRACKING_URI", help="Of the other registry.", show_default=False)
    ],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of the model there; by default the same.")
    ] = None,
) -> None:
    """Copy a version, with its run, tags and files, to another registry."""
    with connected_project():
        from ..registry.copy import copy

        typer.echo(copy(source, to, name))


def _show_check(result: "Check") -> None:
    from ..terminal import new_table, show

    other = f"against version {result.champion}" if result.champion else "without another champion"
    show(f"{result.name} version {result.version} {other}")
    if result.synthetic:
        show("SYNTHETIC SAMPLE: no statement about accuracy")
    columns = ("rule", "candidate", "champion", "limit", "verdict")
    show(new_table(*columns, rows=(astuple(row) for row in result.rows)))
    show(f"{result.name} version {result.version}: {result.result}")
