"""Escape `[shape=(n,)]` in docstrings: behind a `[-1, 1]` Markdown reads it as a link."""

from typing import Any

import griffe


class EscapeShapes(griffe.Extension):
    """The extension of griffe that mkdocs.yml names."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Escape the bracket in an object's docstring."""
        if obj.docstring:
            obj.docstring.value = obj.docstring.value.replace("[shape=", "\\[shape=")
