"""Markdown for a forge to show, and the same as one HTML page that holds its pictures."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["code", "html", "plain", "table"]

#: what stands in a column of figures where there is none
_NO_FIGURE = ("–", "not run")
_TYPES = {"png": "image/png", "svg": "image/svg+xml"}

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>TITLE</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2937; max-width: 62rem; margin: 2rem auto;
  padding: 0 1rem; }
h1, h2 { line-height: 1.2; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #e5e7eb; padding-bottom: .3rem; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { padding: .3rem .8rem; border-bottom: 1px solid #e5e7eb; text-align: left;
  vertical-align: top; font-variant-numeric: tabular-nums; }
th { background: #f3f4f6; }
code { font-size: .85em; background: #f3f4f6; padding: .1em .3em; border-radius: 3px;
  overflow-wrap: anywhere; }
img { max-width: 100%; height: auto; margin: .5rem 0; }
td code { white-space: nowrap; }
blockquote { margin: 1rem 0; padding: .3rem 1rem; background: #fef3c7;
  border-left: 4px solid #d97706; }
</style>
</head>
<body>
BODY</body>
</html>
"""


def html(title: str, text: str, pictures: Mapping[str, bytes]) -> str:
    """A page that needs nothing beside it.

    Args:
        title: in the browser's tab
        text: in Markdown
        pictures: what the text calls each PNG or SVG, and its content
    """
    from markdown_it import MarkdownIt

    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    for name, content in pictures.items():
        source = f"data:{_TYPES[name.rpartition('.')[2]]};base64,"
        source += base64.b64encode(content).decode()
        body = body.replace(f'src="{name}"', f'src="{source}"')
    return _PAGE.replace("TITLE", title).replace("BODY", body)


def table(head: Sequence[str], lines: Iterable[Sequence[Any]]) -> str:
    """Columns of figures, or of why there is none, are flush right."""
    lines = [[str(cell) for cell in line] for line in lines]
    rule = [
        "---:" if all(cell[:1].isdecimal() or cell in _NO_FIGURE for cell in column) else "---"
        for column in zip(*lines, strict=True)
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *lines))


def code(text: str) -> str:
    """A name as it is."""
    return f"`{' '.join(text.split()).replace('`', chr(39))}`"


def plain(text: str) -> str:
    """A sentence that may hold what Markdown takes for its own."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>" else letter for letter in text)
