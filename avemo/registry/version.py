"""A registered version, opened: what its own files say of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ..evaluation.predictions import read_predictions
from ..models.bundle import CONFIG_FILE
from ..records import BundleConfig
from ..tracking.integrity import ADDED_LATER, CHECKSUMS_TAG, open_until_exit
from ..tracking.lineage import FILE, Lineage

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.models import ModelSignature

__all__ = [
    "PREDICTIONS",
    "PRIOR_PREDICTIONS",
    "OpenedVersion",
    "open_version",
    "read_bundle",
    "read_lineage",
    "recorded_predictions",
]

#: among a version's files: its predictions on the test part
PREDICTIONS = "predictions.csv"
#: likewise, those of the untrained prior of its modality
PRIOR_PREDICTIONS = "prior_predictions.csv"


@dataclass(frozen=True)
class OpenedVersion:
    """A registered version with a copy of its files.

    Args:
        version: MLflow's
        folder: a copy of its files, as they were registered
        predictions: on the test part; None where it has none
        bundle: what its bundle says of the model
        size_bytes: of all its files
        prior_predictions: by the untrained prior, on the test part; None where it has none
    """

    version: "ModelVersion"
    folder: Path
    predictions: pd.DataFrame | None
    bundle: BundleConfig
    size_bytes: int
    prior_predictions: pd.DataFrame | None = None

    @property
    def lineage(self) -> Lineage | None:
        """What made it; None where it carries no lineage."""
        return read_lineage(self.folder)

    @property
    def seal(self) -> str:
        """The checksum of its files' checksums; empty for a version without."""
        return str(self.version.tags.get(CHECKSUMS_TAG, ""))

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
    predictions, prior = (
        recorded_predictions(folder, name) for name in (PREDICTIONS, PRIOR_PREDICTIONS)
    )
    return OpenedVersion(version, folder, predictions, read_bundle(folder), size_bytes, prior)


def recorded_predictions(folder: Path, name: str = PREDICTIONS) -> pd.DataFrame | None:
    """Return the recorded predictions on the test part; None where a version has none.

    Args:
        folder: the version's files
        name: of the file
    """
    file = next(folder.rglob(name), None)
    return None if file is None else read_predictions(file)


def read_bundle(folder: Path) -> BundleConfig:
    """Return what a version's bundle says of the model.

    Args:
        folder: the version's files
    """
    return BundleConfig.read(next(folder.rglob(CONFIG_FILE), folder / CONFIG_FILE))


def read_lineage(folder: Path) -> Lineage | None:
    """Return what made a version; None where it carries no lineage.

    Args:
        folder: the version's files
    """
    file = next(folder.rglob(FILE), None)
    return None if file is None else Lineage.read(file)
