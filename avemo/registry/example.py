"""What a version answers for its input example, recorded when it is registered.

Whoever loads the version later can see that it still answers so: see `serving`.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .packaging import PackagedModel

__all__ = ["EXAMPLE_FILE", "TOLERANCE", "write_example"]

#: among a version's files
EXAMPLE_FILE = "example.json"
#: a probability may differ by so much from one processor to another
TOLERANCE = 1e-4


def write_example(packaged: PackagedModel, media: bytes, folder: Path) -> None:
    """Write what the packaged model answers for a clip.

    Args:
        packaged: inside the block of `package_model`, in which its code can be imported
        media: the clip's content
        folder: gets the file
    """
    module = import_module(f"{packaged.code.name}.inference.recogniser")
    row = module.Recogniser(packaged.folder).predict(media).to_row()
    row = {name: None if value != value else value for name, value in row.items()}  # NaN: no JSON
    text = json.dumps(row, indent=1) + "\n"
    (folder / EXAMPLE_FILE).write_text(text, encoding="utf-8")
