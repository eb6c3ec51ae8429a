"""Pieces of Markdown, and a page of it as one HTML file that holds its pictures."""

import base64
from collections.abc import Iterable, Mapping, Sequence

__all__ = ["code", "format_bytes", "html", "plain", "table"]

#: cells of a column of figures that hold none
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
    """Return an HTML page that needs no other file.

    Args:
        title: in the browser's tab
        text: in Markdown
        pictures: the content of each PNG or SVG, by the name that the text gives it
    """
    from markdown_it import MarkdownIt

    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    for name, content in pictures.items():
        source = f"data:{_TYPES[name.rpartition('.')[2]]};base64,"
        source += base64.b64encode(content).decode()
        body = body.replace(f'src="{name}"', f'src="{source}"')
    return _PAGE.replace("TITLE", title).replace("BODY", body)


def table(head: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a table in Markdown; columns of figures are flush right.

    Args:
        head: the names of the columns
        rows: at least one
    """
    cells = [[str(cell) for cell in row] for row in rows]
    rule = [
        "---:" if all(cell[:1].isdecimal() or cell in _NO_FIGURE for cell in column) else "---"
        for column in zip(*cells, strict=True)
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *cells))


def code(text: str) -> str:
    """Return a name in the type of code."""
    return f"`{' '.join(text.split()).replace('`', chr(39))}`"


def plain(text: str) -> str:
    """Return text whose characters mean nothing to Markdown."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>" else letter for letter in text)


def format_bytes(size: float) -> str:
    """Return a size in bytes as text: `208.5 MB`."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
