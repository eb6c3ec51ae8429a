"""One modality's training task: its data, its inputs, its search space."""

from dataclasses import dataclass

import keras

from ..corpus import split
from ..models import inputs
from ..models.bundle import Bundle
from ..models.hypermodel import Architectures, architecture
from ..project import Project
from ..settings import Settings
from .data import Dataset, load
from .fit import Examples, prepared

__all__ = ["MODALITIES", "Absent", "Task", "task"]

MODALITIES = ("audio", "visual", "fused")


class Absent(Exception):
    """The corpus holds nothing to train this modality on; the message says what is missing."""


@dataclass(frozen=True)
class Task:
    """What a search and a training of one modality share."""

    modality: str
    data: Dataset
    preparations: dict[str, inputs.Preparation]
    hypermodel: Architectures

    def examples(self, part: str) -> Examples | None:
        """A part's inputs and labels; None where it is empty."""
        data = self.data.part(part)
        return (prepared(data, self.preparations), data.labels) if len(data) else None


def task(project: Project, settings: Settings, modality: str) -> Task:
    """Gather what is needed.

    Raises:
        Absent: no performance of the training part has the features
        CorpusError: what is to be fused was trained on another split
    """
    names: list[str] = getattr(settings.search, modality).architectures
    parts: dict[str, keras.Model] = {}
    preparations: dict[str, inputs.Preparation] = {}
    if modality == "fused":
        for part in ("audio", "visual"):
            bundle = Bundle(project.trained(part))
            if not bundle.exists:
                raise Absent(f"there is no {part} model to fuse")
            parts[part] = bundle.network
            preparations |= bundle.preparations
    own = {name for each in names for name in architecture(modality, each).INPUTS}
    data = load(project, sorted(own | set(preparations)))
    for part in parts:
        made_on = Bundle(project.trained(part)).description["split"]
        split.require(made_on, data.split, f"the trained {part} model")
    train = data.part("train")
    if not len(train):
        raise Absent(f"no performance of the training part has {' and '.join(data.features)}")
    preparations |= {name: inputs.fit(train.features[name]) for name in sorted(own)}
    shapes = {name: made.shape for name, made in preparations.items()}
    return Task(modality, data, preparations, Architectures(modality, names, shapes, parts))
