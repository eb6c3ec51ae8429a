"""The `avemo` command: one module a command, or a group of commands, in this package.

A module is imported when its command is called or when `--help` lists it, and it imports what its
work needs when that begins: no command's help loads anything heavy.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from .. import __version__
from ._app import examples, new_app

__all__ = ["main"]

#: each command's panel in `avemo --help`, in the order in which they are listed
COMMANDS = {
    "predict": "Recognise emotion",
    "speaker": "Recognise emotion",
    "watch": "Recognise emotion",
    "serve": "Recognise emotion",
    "record": "Recognise emotion",
    "replay": "Recognise emotion",
    "expression": "Recognise emotion",
    "faces": "Recognise emotion",
    "status": "Data, training and results",
    "corpus": "Data, training and results",
    "assets": "Data, training and results",
    "repro": "Data, training and results",
    "search": "Data, training and results",
    "evaluate": "Data, training and results",
    "baselines": "Data, training and results",
    "report": "Data, training and results",
    "registry": "Runs and registered models",
    "compare": "Runs and registered models",
    "lineage": "Runs and registered models",
    "rebuild": "Runs and registered models",
    "runs": "Runs and registered models",
}


class _Commands(TyperGroup):
    """Import the module of a command when the command is asked for."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {name: TyperCommand(name) for name in COMMANDS}

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        command: Any = typer.main.get_command(import_module(f".{cmd_name}", __name__).app)
        command.name, command.rich_help_panel = cmd_name, COMMANDS[cmd_name]
        for described in (command, *getattr(command, "commands", {}).values()):
            paragraphs = (described.help or "").split("\n\n")
            described.help = "\n\n".join(" ".join(text.split()) for text in paragraphs)
        return command

    def invoke(self, ctx: Any) -> int:
        """Run a command; an error that avemo can explain becomes one line, and the exit code 1."""
        from ..commands import run_command

        return run_command(lambda: super(_Commands, self).invoke(ctx) or 0)


app = new_app(cls=_Commands, add_completion=True)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"avemo {__version__}")
        raise typer.Exit


@app.callback(
    epilog=examples(
        "dvc repro                       # from recordings to registered models",
        "avemo status                    # the state of the project",
        "avemo predict clip.mp4          # the champion's prediction for a clip",
        "avemo registry check            # whether a candidate may become the champion",
        "avemo --install-completion      # completion of commands by the shell",
    ),
    context_settings={"help_option_names": ["-h", "--help"]},
)
def avemo(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Recognise emotion from sound and video, every step versioned.

    DVC runs the pipeline; this command does what comes before and after it.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Args:
        arguments: of the command line; by default those of this process
    """
    try:
        code = typer.main.get_command(app)(arguments, prog_name="avemo", standalone_mode=False)
    except typer.TyperException as error:
        if ctx := getattr(error, "ctx", None):
            typer.echo(f"{ctx.get_usage()}\nTry '{ctx.command_path} --help' for help.\n", err=True)
        typer.echo(f"avemo: {' '.join(error.format_message().split())}", err=True)
        return error.exit_code
    return int(code or 0)
