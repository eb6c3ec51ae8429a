"""One modality's training task: its data, and the networks that may be fitted to it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import keras

from ..corpus import split
from ..models import inputs
from ..models.bundle import Bundle
from ..models.hypermodel import Architectures, architecture
from ..project import Project
from ..settings import Search, Settings
from ..tracking import locked, runs
from .data import Dataset, folder_of, load

__all__ = ["MODALITIES", "Absent", "Task", "identity", "task"]

MODALITIES = ("audio", "visual", "fused")

#: what a fit's outcome depends on besides data and settings
_CODE = (Path(__file__).parent, Path(__file__).parents[1] / "models")

Preparations = Mapping[str, inputs.Preparation]


class Absent(Exception):
    """The corpus holds nothing to train this modality on; the message says what is missing."""


@dataclass(frozen=True)
class Task:
    """What a search and a training of one modality share.

    Args:
        modality: audio, visual or fused
        data: its performances
        architectures: those whose features there are
        left_out: of the others, why not
        parts: the trained audio and visual models, for fused ones
        given: how the parts' features become inputs
    """

    modality: str
    data: Dataset
    architectures: list[str]
    left_out: dict[str, str]
    parts: dict[str, keras.Model]
    given: Preparations

    def prepare(self, train: Dataset) -> Preparations:
        """How features become inputs, learnt from what is trained on."""
        own = [name for name in self.data.features if name not in self.given]
        return {**self.given, **{name: inputs.fit(train.features[name]) for name in own}}

    def networks(self, preparations: Preparations) -> Architectures:
        """The networks for inputs that are made so."""
        shapes = {name: made.shape for name, made in preparations.items()}
        return Architectures(self.modality, self.architectures, shapes, self.parts)


def task(project: Project, settings: Settings, modality: str) -> Task:
    """Gather what is needed.

    Raises:
        Absent: no performance of the training part has the features
        CorpusError: what is to be fused was trained on another split
    """
    search: Search = getattr(settings.search, modality)
    parts: dict[str, keras.Model] = {}
    given: dict[str, inputs.Preparation] = {}
    if modality == "fused":
        for part in ("audio", "visual"):
            bundle = Bundle(project.trained(part))
            if not bundle.exists:
                raise Absent(f"there is no {part} model to fuse")
            parts[part] = bundle.network
            given |= bundle.preparations
    left_out = _left_out(project, modality, search.architectures)
    names = [name for name in search.architectures if name not in left_out]
    if not names:
        left_out |= _left_out(project, modality, search.otherwise)
        names = [name for name in search.otherwise if name not in left_out]
    if not names:
        raise Absent("; ".join(f"{name}: {reason}" for name, reason in left_out.items()))
    own = {feature for each in names for feature in architecture(modality, each).INPUTS}
    data = load(project, sorted(own | set(given)))
    for part in parts:
        made_on = Bundle(project.trained(part)).description["split"]
        split.require(made_on, data.split, f"the trained {part} model")
    if not len(data.part("train")):
        raise Absent(f"no performance of the training part has {' and '.join(data.features)}")
    return Task(modality, data, names, left_out, parts, given)


def identity(project: Project, settings: Settings, task: Task) -> str:
    """What trials depend on: those of another search must not be taken for this one's."""
    chosen = getattr(settings.search, task.modality)
    code = [file.read_text("utf-8") for folder in _CODE for file in sorted(folder.rglob("*.py"))]
    facts = [
        code,
        settings.seed,
        task.architectures,
        chosen.model_dump(include={"judged_on", "batch_size"}),
        settings.search.budget_of(task.modality).epochs,
        settings.training.model_dump(),
        task.data.descriptions,
        task.data.rows.to_csv(),
        locked.data(project, runs.stage_of("search", task.modality)),
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]


def _left_out(project: Project, modality: str, names: list[str]) -> dict[str, str]:
    """The architectures that take features which are not there."""
    found = {}
    for name in names:
        for feature in architecture(modality, name).INPUTS:
            if not folder_of(project, feature).is_dir():
                found[name] = f"there are no {feature} features"
    return found
