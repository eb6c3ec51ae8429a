"""What a finished stage contributes to what is published."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

__all__ = ["SYNTHETIC", "Contribution"]

Entry = TypeVar("Entry")

SYNTHETIC = "it is of the synthetic sample, and what is published is of real recordings"


@dataclass(frozen=True)
class Contribution(Generic[Entry]):
    """What a stage contributes.

    Args:
        entry: what the manifest is to hold
        message: about it, for a terminal
        files: by name below `results/audio`, where a file is copied from
    """

    entry: Entry
    message: str
    files: dict[str, Path] = field(default_factory=dict)
