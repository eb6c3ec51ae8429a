"""What the pages tell a reader to type exists."""

import re
from pathlib import Path

import pytest
import typer

from avemo.cli import COMMANDS, app

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    page.relative_to(ROOT).as_posix()
    for page in [*ROOT.glob("*.md"), ROOT / "params.yaml", *(ROOT / "docs").rglob("*.md")]
    if page.name != "CHANGELOG.md"  # it names what was removed
)
CALL = re.compile(rf"\bavemo ((?:{'|'.join(COMMANDS)})\b[^`#\n]*)")


def unknown_words(call: str) -> set[str]:
    """Return the words of a call, such as `registry check audio`, that no command knows."""
    root = typer.main.get_command(app)
    name, *words = call.split()
    command = root.get_command(typer.Context(root), name)  # type: ignore[attr-defined]
    if subcommands := getattr(command, "commands", {}):
        if not words or words[0] not in subcommands:
            return {call}
        command = subcommands[words[0]]
    options = {option for parameter in command.params for option in parameter.opts}
    return set(re.findall(r"--[a-z-]+", call)) - options - {"--help"}


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_a_page_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    wrong = {call: words for call in CALL.findall(text) if (words := unknown_words(call))}
    assert not wrong


@pytest.mark.parametrize("call", ["predict clip.wav --keep x", "faces show clip.mp4", "registry"])
def test_what_does_not_exist_is_noticed(call: str) -> None:
    assert unknown_words(call)
