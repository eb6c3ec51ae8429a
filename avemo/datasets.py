"""What a model is trained and judged on: features, labels and parts, joined by performance."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .corpus import split
from .corpus.adapters import ravdess
from .emotions import EMOTIONS
from .errors import CorpusError, join_names
from .features import store
from .features.names import extractor_of, modality_of
from .features.spec import FeatureSpec
from .paths import Project

__all__ = ["Dataset", "folder_of", "load"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Dataset:
    """The performances that have every feature asked for.

    Args:
        rows: one a performance, sorted: performance, actor, part, fold, emotion (its name)
        features: for each name, one array a row
        specs: for each name, what it was computed by
        split: the id of the split that the parts are of
    """

    rows: pd.DataFrame
    features: dict[str, list[Array]]
    specs: dict[str, FeatureSpec]
    split: str

    def part(self, name: str) -> "Dataset":
        """The rows of one part, with their features."""
        return self.where(self.rows["part"].eq(name))

    def where(self, chosen: "pd.Series[bool]") -> "Dataset":
        """Some of the rows, with their features."""
        places = np.flatnonzero(chosen)
        features = {key: [clips[i] for i in places] for key, clips in self.features.items()}
        rows = self.rows.iloc[places].reset_index(drop=True)
        return Dataset(rows, features, self.specs, self.split)

    @property
    def labels(self) -> Array:
        """The emotions' places in `EMOTIONS` [shape=(rows,)]."""
        places = {name: place for place, name in enumerate(EMOTIONS)}
        return self.rows["emotion"].map(places).to_numpy(dtype=np.int32)

    def __len__(self) -> int:
        return len(self.rows)


def folder_of(project: Project, feature: str) -> Path:
    """Where it is kept: with all that its extractor makes."""
    return project.features(modality_of(feature), extractor_of(feature))


def load(project: Project, names: list[str]) -> Dataset:
    """Join the split with features.

    Args:
        names: the features; a performance that lacks one is left out

    Raises:
        CorpusError: features are of performances that the split does not know
    """
    rows = everyone = split.read(project.split)
    folders = {name: folder_of(project, name) for name in names}
    found = {name: store.load_arrays(folder, name) for name, folder in folders.items()}
    current = split.split_id(project.split)
    for name, clips in found.items():
        if unknown := sorted(set(clips) - set(everyone["performance"])):
            raise CorpusError(
                f"{folders[name]} holds {join_names(unknown)}, which split {current} does not "
                "know: it was made for another split; run `dvc repro`, which brings both up to date"
            )
        rows = rows[rows["performance"].isin(clips)]
    rows = rows.sort_values("performance", ignore_index=True)
    # the labels come from the performance's own name: no table can put them out of step
    decoded = [ravdess.parse(f"03-{performance}") for performance in rows["performance"]]
    rows = rows.assign(actor=[one.actor for one in decoded], emotion=[one.label for one in decoded])
    features = {name: [clips[key] for key in rows["performance"]] for name, clips in found.items()}
    specs = {name: store.read_spec(folder) for name, folder in folders.items()}
    known = {name: spec for name, spec in specs.items() if spec}
    return Dataset(rows, features, known, current)
