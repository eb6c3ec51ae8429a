"""`avemo report`."""

from pathlib import Path
from typing import Annotated

import typer

from ._app import examples, new_app

app = new_app()


@app.command(
    epilog=examples(
        "avemo report                  # the pages, from published predictions",
        "avemo report --keep           # publish what was run here, then the pages",
        "avemo report --keep --from ../song --from ../both     # what was run in other clones",
    )
)
def report(
    context: typer.Context,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep",
            help="First publish the predictions of the stages that are finished in this project, "
            "with their runs in MLflow; those of other stages stay.",
        ),
    ] = False,
    sources: Annotated[
        list[Path] | None,
        typer.Option(
            "--from",
            metavar="FOLDER",
            help="With --keep, publish what was run on sound in this clone instead, such as one "
            "whose corpus is song; may be repeated.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write docs/results.md and docs/results.html from published predictions.

    The predictions are in results/audio and results/fused, which are in Git. No recording,
    feature, model or tracking store is needed, and the same predictions give the same pages.

    The exit code is 1 if a published file is damaged.
    """
    from ..config import load_settings
    from ..paths import find_project, open_project
    from ..report.pages import write_pages

    if sources and not keep:
        raise typer.BadParameter("--from says whose stages to publish: add --keep", ctx=context)
    project = find_project()
    settings = load_settings(project.root)
    if keep:
        from ..report.fusions import import_fusions
        from ..report.import_runs import import_runs

        clones = [open_project(folder) for folder in sources or []]
        messages = import_runs(project, clones or [project])
        if not clones:
            messages.append(import_fusions(project, settings))
        typer.echo("\n".join(messages))
    typer.echo(f"{' and '.join(write_pages(project.root, settings))} are written")
    if keep:
        typer.echo("next: read them, then git add results/audio results/fused docs")
