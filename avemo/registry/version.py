"""What the gate and a comparison want to know of a registered version, read from its own files."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ..tracking import integrity
from ..tracking.lineage import FILE, Lineage
from .register import PREDICTIONS

__all__ = ["Facts", "read", "recorded"]

_DESCRIPTION = "bundle.json"


@dataclass(frozen=True)
class Facts:
    """A version, opened.

    Args:
        version: MLflow's
        folder: a copy of its files, as they were registered
        predictions: on the test part; None where it has none
        description: of the trained model: classes, split, features, synthetic
        size: in bytes, of all its files
    """

    version: Any
    folder: Path
    predictions: pd.DataFrame | None
    description: dict[str, Any]
    size: int

    @property
    def label(self) -> str:
        """`avemo-audio version 3`."""
        return f"{self.version.name} version {self.version.version}"

    @property
    def lineage(self) -> Lineage | None:
        """What made it; None where it does not say."""
        file = next(self.folder.rglob(FILE), None)
        return None if file is None else Lineage.read(file)

    @property
    def synthetic(self) -> bool:
        """Trained on the synthetic sample."""
        return bool(self.description.get("synthetic"))

    @property
    def signature(self) -> Any:
        """What it takes and gives, as MLflow has it."""
        from mlflow.models import Model

        return Model.load(str(self.folder)).signature


def read(version: Any) -> Facts:
    """Open a registered version.

    Raises:
        AvemoError: a file is not as it was registered
    """
    folder = integrity.kept(f"models:/{version.name}/{version.version}")
    size = sum(
        file.stat().st_size
        for file in folder.rglob("*")
        if file.is_file() and file.name not in integrity.LATER
    )
    return Facts(version, folder, recorded(folder), _json(folder, _DESCRIPTION), size)


def recorded(folder: Path) -> pd.DataFrame | None:
    """A version's recorded answers on the test part; None where it has none.

    Args:
        folder: its files
    """
    file = next(folder.rglob(PREDICTIONS), None)
    return None if file is None else pd.read_csv(file)


def _json(folder: Path, name: str) -> dict[str, Any]:
    file = next(folder.rglob(name), None)
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file else {}
    return found
