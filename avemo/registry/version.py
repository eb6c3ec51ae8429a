"""A registered version, opened: what its own files say of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ..evaluation.predictions import read_predictions
from ..models.bundle import CONFIG_FILE
from ..records import BundleConfig
from ..tracking.integrity import ADDED_LATER, open_until_exit
from ..tracking.lineage import FILE, Lineage

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.models import ModelSignature

__all__ = ["PREDICTIONS", "OpenedVersion", "open_version", "recorded_predictions"]

#: among a version's files: its predictions on the test part
PREDICTIONS = "predictions.csv"


@dataclass(frozen=True)
class OpenedVersion:
    """A registered version with a copy of its files.

    Args:
        version: MLflow's
        folder: a copy of its files, as they were registered
        predictions: on the test part; None where it has none
        bundle: what its bundle says of the model
        size_bytes: of all its files
    """

    version: "ModelVersion"
    folder: Path
    predictions: pd.DataFrame | None
    bundle: BundleConfig
    size_bytes: int

    @property
    def lineage(self) -> Lineage | None:
        """What made it; None where it carries no lineage."""
        file = next(self.folder.rglob(FILE), None)
        return None if file is None else Lineage.read(file)

    @property
    def synthetic(self) -> bool:
        """Whether it was trained on the synthetic sample."""
        return self.bundle.synthetic

    @property
    def signature(self) -> "ModelSignature | None":
        """The model's inputs and outputs, as MLflow describes them."""
        from mlflow.models import Model

        signature: ModelSignature | None = Model.load(str(self.folder)).signature
        return signature


def open_version(version: "ModelVersion") -> OpenedVersion:
    """Open a registered version.

    Raises:
        AvemoError: a file is not as it was registered, or is of an older release of avemo
    """
    folder = open_until_exit(f"models:/{version.name}/{version.version}")
    size_bytes = sum(
        file.stat().st_size
        for file in folder.rglob("*")
        if file.is_file() and file.name not in ADDED_LATER
    )
    predictions, bundle = recorded_predictions(folder), _read_bundle(folder)
    return OpenedVersion(version, folder, predictions, bundle, size_bytes)


def recorded_predictions(folder: Path) -> pd.DataFrame | None:
    """Return the recorded predictions on the test part; None where a version has none.

    Args:
        folder: the version's files
    """
    file = next(folder.rglob(PREDICTIONS), None)
    return None if file is None else read_predictions(file)


def _read_bundle(folder: Path) -> BundleConfig:
    return BundleConfig.read(next(folder.rglob(CONFIG_FILE), folder / CONFIG_FILE))
