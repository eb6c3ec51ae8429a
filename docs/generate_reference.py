"""Generate pages of the site: commands, settings, a page a module, notebooks, files of the root.

mkdocs-gen-files runs this when the site is built; nothing is written into the checkout.
"""

import re
from pathlib import Path

import mkdocs_gen_files
import typer
from typer.cli import get_docs_for_click

from avemo.cli import app

ROOT = Path(__file__).parents[1]
#: files of the checkout's root that are pages, too
PAGES = ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")


def write(page: str | Path, text: str) -> None:
    """Write a page of the site."""
    with mkdocs_gen_files.open(str(page), "w") as file:
        file.write(text)


def commands() -> str:
    """Return the help of every command as Markdown."""
    command = typer.main.get_command(app)
    context = typer.Context(command, info_name="avemo")
    text = get_docs_for_click(obj=command, ctx=context, name="avemo", title="Commands")
    # the headings list the commands already, and the lists of typer cut what they do
    text = re.sub(r"\*\*Commands\*\*:\n\n(?:\* .*\n)+\n", "", text)
    return re.sub(
        r"\[bold\]Examples\[/bold\]\n((?:.+\n)+)", r"**Examples**:\n\n```sh\n\1```\n", text
    )


write("reference/commands.md", commands())

settings = (ROOT / "params.yaml").read_text(encoding="utf-8")
write(
    "reference/settings.md",
    f"# Settings\n\n`params.yaml`, as it comes with avemo:\n\n```yaml\n{settings}```\n",
)

navigation = mkdocs_gen_files.Nav()
for path in sorted((ROOT / "avemo").rglob("*.py")):
    parts = path.relative_to(ROOT).with_suffix("").parts
    package = parts[-1] == "__init__"
    parts = parts[:-1] if package else parts
    if any(part.startswith("_") for part in parts):
        continue  # private
    page = Path(*parts, "index.md") if package else Path(*parts[:-1], f"{parts[-1]}.md")
    navigation[parts] = page.as_posix()
    write("reference" / page, f"# {'.'.join(parts)}\n\n::: {'.'.join(parts)}\n")
summary = "* [Commands](commands.md)\n* [Settings](settings.md)\n"
write("reference/SUMMARY.md", summary + "".join(navigation.build_literate_nav()))

for name in PAGES:
    text = (ROOT / name).read_text(encoding="utf-8")
    for other in PAGES:
        text = text.replace(f"]({other})", f"]({other.lower()})")
    write(f"project/{name.lower()}", text.replace("](docs/", "](../"))

for notebook in sorted((ROOT / "examples").glob("*.ipynb")):
    text = notebook.read_text(encoding="utf-8")
    write(f"examples/{notebook.name}", re.sub(r"\((\w+)\.ipynb\)", r"(../\1/index.html)", text))
