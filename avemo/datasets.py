"""Training and test sets: features, labels and parts, joined by performance."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .corpus import split
from .errors import CorpusError, join_names
from .features import store
from .features.arrays import Array
from .features.names import extractor_of, modality_of
from .features.spec import FeatureSpec
from .paths import Project

__all__ = ["Array", "Dataset", "folder_of", "load"]


@dataclass(frozen=True)
class Dataset:
    """Performances that have every requested feature.

    Args:
        rows: a row a performance, sorted, with the columns of `split.assign`
        features: by feature, an array a row
        specs: by feature, how it was computed
        split_id: of the split that the parts are of
        classes: that emotions are told apart by, in the order of the models' outputs
    """

    rows: pd.DataFrame
    features: dict[str, list[Array]]
    specs: dict[str, FeatureSpec]
    split_id: str
    classes: tuple[str, ...]

    def part(self, name: str) -> "Dataset":
        """Return the rows of one part, with their features."""
        return self.where(self.rows["part"].eq(name))

    def where(self, selected: "pd.Series[bool]") -> "Dataset":
        """Return the selected rows, with their features."""
        indices = np.flatnonzero(selected)
        features = {
            name: [arrays[index] for index in indices] for name, arrays in self.features.items()
        }
        rows = self.rows.iloc[indices].reset_index(drop=True)
        return replace(self, rows=rows, features=features)

    @property
    def labels(self) -> NDArray[np.int32]:
        """The emotions' indices in `classes` [shape=(rows,)]."""
        codes = {name: code for code, name in enumerate(self.classes)}
        return np.array([codes[emotion] for emotion in self.rows["emotion"]], dtype=np.int32)

    def __len__(self) -> int:
        return len(self.rows)


def folder_of(project: Project, feature: str) -> Path:
    """Return the folder of a feature, which holds all features of its extractor."""
    return project.features(modality_of(feature), extractor_of(feature))


def load(project: Project, names: list[str], classes: Sequence[str]) -> Dataset:
    """Join the split with features.

    Args:
        names: the features; a performance that lacks one is left out
        classes: in the order of the models' outputs; the split has emotions of these alone

    Raises:
        CorpusError: features are of performances that the split does not know
    """
    rows = all_rows = split.read(project.split)
    folders = {name: folder_of(project, name) for name in names}
    arrays = {name: store.load_arrays(folder, name) for name, folder in folders.items()}
    split_id = split.split_id(project.split)
    for name, clips in arrays.items():
        if unknown := sorted(set(clips) - set(all_rows["performance"])):
            raise CorpusError(
                f"{folders[name]} holds {join_names(unknown)}, which split {split_id} does not "
                "know: it was made for another split; run `dvc repro`, which brings both up to date"
            )
        rows = rows[rows["performance"].isin(clips)]
    rows = rows.sort_values("performance", ignore_index=True)
    features = {
        name: [clips[performance] for performance in rows["performance"]]
        for name, clips in arrays.items()
    }
    specs = {name: store.read_spec(folder) for name, folder in folders.items()}
    known = {name: spec for name, spec in specs.items() if spec}
    return Dataset(rows, features, known, split_id, tuple(classes))
