"""What all commands have in common."""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..paths import Project

__all__ = [
    "Clips",
    "JsonOutput",
    "RequireKey",
    "adapter_names",
    "check_choices",
    "complete_from",
    "connected_project",
    "examples",
    "new_app",
]

Clips = Annotated[
    list[str],
    typer.Argument(metavar="FILE", help="Clips that FFmpeg can decode.", show_default=False),
]
RequireKey = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="A public key: take no version that its owner has not signed (docs/howto/signing.md).",
        show_default=False,
    ),
]
JsonOutput = Annotated[bool, typer.Option("--json", help="Write JSON, for machines.")]


def new_app(**options: Any) -> typer.Typer:
    """Return an empty set of commands."""
    return typer.Typer(
        **{"add_completion": False, "pretty_exceptions_enable": False} | options,
        rich_markup_mode="rich",
    )


def examples(*lines: str) -> str:
    """Return the end of a help text: command lines to copy."""
    return "\n".join(["[bold]Examples[/bold]", *lines])


def complete_from(choices: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """Return what the shell asks to complete a word; the choices are loaded when it asks."""

    def complete(incomplete: str) -> list[str]:
        return [choice for choice in choices() if choice.startswith(incomplete)]

    return complete


def check_choices(values: Iterable[str], choices: Collection[str]) -> None:
    """Refuse a value that is no choice.

    Raises:
        typer.BadParameter: it is none
    """
    for value in values:
        if value not in choices:
            raise typer.BadParameter(f"{value!r} is not one of {', '.join(choices)}")


def adapter_names() -> list[str]:
    """Return the names of the corpora that avemo knows by their file names."""
    from ..corpus.adapters.registry import ADAPTERS

    return list(ADAPTERS)


@contextmanager
def connected_project() -> Iterator["Project"]:
    """Connect to MLflow's store for the block; what the server refuses becomes a sentence."""
    from ..paths import find_project
    from ..tracking import store

    project = find_project()
    store.connect(project, spool=False)
    with store.translate_mlflow_errors():
        yield project
