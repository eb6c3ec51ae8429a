"""Escape `[shape=(n,)]` in docstrings, which Markdown reads as a link's target after a `[-1, 1]`."""

from typing import Any

import griffe


class EscapeShapes(griffe.Extension):
    """The extension of griffe that mkdocs.yml names."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Escape the bracket in an object's docstring."""
        if obj.docstring:
            obj.docstring.value = obj.docstring.value.replace("[shape=", "\\[shape=")
