"""Generate the reference pages: one per module from its docstrings, and params.yaml.

mkdocs-gen-files runs this when the site is built; nothing is written into the checkout.
"""

from pathlib import Path

import mkdocs_gen_files

ROOT = Path(__file__).parents[1]

navigation = mkdocs_gen_files.Nav()
for path in sorted((ROOT / "avemo").rglob("*.py")):
    parts = path.relative_to(ROOT).with_suffix("").parts
    package = parts[-1] == "__init__"
    parts = parts[:-1] if package else parts
    if any(part.startswith("_") for part in parts):
        continue  # private
    page = (
        Path("reference", *parts, "index.md")
        if package
        else Path("reference", *parts[:-1], f"{parts[-1]}.md")
    )
    navigation[parts] = page.relative_to("reference").as_posix()
    with mkdocs_gen_files.open(page, "w") as file:
        file.write(f"# {'.'.join(parts)}\n\n::: {'.'.join(parts)}\n")

with mkdocs_gen_files.open("reference/settings.md", "w") as file:
    settings = (ROOT / "params.yaml").read_text(encoding="utf-8")
    file.write(f"# Settings\n\n`params.yaml`, as it comes with avemo:\n\n```yaml\n{settings}```\n")

with mkdocs_gen_files.open("reference/SUMMARY.md", "w") as file:
    file.write("* [Settings](settings.md)\n")
    file.writelines(navigation.build_literate_nav())
