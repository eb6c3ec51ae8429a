"""The small JSON that a tracked stage leaves as its DVC output.

A stage that DVC skips logs nothing; its pointer, restored from the cache, still names the run.
"""

import json
from pathlib import Path
from typing import Any

from ..io import atomic_write

__all__ = ["read", "write"]


def read(file: Path) -> dict[str, Any]:
    """What `write` wrote; empty where the stage has not run."""
    if not file.exists():
        return {}
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def write(file: Path, fields: dict[str, Any]) -> None:
    """Whole or not at all."""
    with atomic_write(file) as beside:
        beside.write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8")
