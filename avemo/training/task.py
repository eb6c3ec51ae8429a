"""One modality's training task: its data, and the networks that may be fitted to it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..datasets import Dataset, folder_of, load
from ..modalities import Modality, Unimodal
from ..models import preprocessing
from ..models.architecture import load_architecture
from ..models.hypermodel import Architectures
from ..paths import Project
from ..records import Configuration
from ..settings import Search, Settings
from ..tracking import dvc_lock, runs
from . import fusion

__all__ = ["Absent", "Task", "identity", "task"]

#: what a fit's outcome depends on besides data and settings
_CODE = (Path(__file__).parent, Path(__file__).parents[1] / "models")

Preprocessors = Mapping[str, preprocessing.Preprocessor]


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
        parts: for fused, the configurations of the audio and the visual model
        given: how features become inputs that nothing has to be learnt of
        copies: of the features, those of altered copies, each with what it is a copy of
    """

    modality: Modality
    data: Dataset
    architectures: list[str]
    left_out: dict[str, str]
    parts: dict[Unimodal, Configuration]
    given: Preprocessors
    copies: Mapping[str, str] = field(default_factory=dict)

    def prepare(self, train: Dataset) -> Preprocessors:
        """How features become inputs, learnt from what is trained on."""
        own = self.data.features.keys() - self.given.keys() - set(self.copies)
        learnt = {name: preprocessing.fit(train.features[name]) for name in sorted(own)}
        return {**self.given, **learnt, **{copy: learnt[of] for copy, of in self.copies.items()}}

    def networks(self, preprocessors: Preprocessors) -> Architectures:
        """The networks for inputs that are made so."""
        return Architectures(
            self.modality, self.architectures, preprocessors, self.parts, list(self.copies)
        )


def task(project: Project, settings: Settings, modality: Modality) -> Task:
    """Gather what is needed.

    Raises:
        Absent: no performance of the training part has the features
        CorpusError: what is to be fused was trained on another split
    """
    search: Search = getattr(settings.search, modality)
    parts = fusion.configurations(project) if modality == "fused" else {}
    if modality == "fused" and not parts:
        raise Absent("there is no model of each modality to fuse")
    left_out = _left_out(project, modality, search.architectures)
    names = [name for name in search.architectures if name not in left_out]
    if not names:
        left_out |= _left_out(project, modality, search.otherwise)
        names = [name for name in search.otherwise if name not in left_out]
    if not names:
        raise Absent("; ".join(f"{name}: {reason}" for name, reason in left_out.items()))
    given = fusion.identities() if parts else {}
    networks = Architectures(modality, names, {}, parts)
    own = {feature for name in names for feature in networks.inputs(name)} - given.keys()
    copies = {
        copy: feature
        for name in names
        for feature, each in networks.augmentations(name).items()
        for copy in each
        if folder_of(project, copy).is_dir()
    }
    data = load(project, sorted(own) + sorted(copies))
    if parts:
        data = fusion.with_answers(project, data)
    if not len(data.part("train")):
        if fusion.LATE not in names:
            raise Absent(f"no performance of the training part has {' and '.join(data.features)}")
        names, copies = [fusion.LATE], {}  # what it begins with needs nothing to learn from
        data = replace(data, features={name: data.features[name] for name in given})
    return Task(modality, data, names, left_out, parts, given, copies)


def identity(project: Project, settings: Settings, task: Task) -> str:
    """What trials depend on: those of another search must not be taken for this one's."""
    chosen = getattr(settings.search, task.modality)
    code = [file.read_text("utf-8") for folder in _CODE for file in sorted(folder.rglob("*.py"))]
    facts = [
        code,
        settings.seed,
        task.architectures,
        chosen.model_dump(include={"draws", "batch_size"}),
        settings.search.budget_of(task.modality).epochs,
        task.parts,
        [[row.tolist() for row in task.data.features[name]] for name in task.given],
        {name: spec.to_json() for name, spec in task.data.specs.items()},
        task.data.rows.to_csv(),
        dvc_lock.read(project).data(runs.stage_name("search", task.modality)),
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]


def _left_out(project: Project, modality: Modality, names: list[str]) -> dict[str, str]:
    """The architectures that take features which are not there."""
    found = {}
    for name in names:
        for feature in set(load_architecture(modality, name).inputs) - fusion.identities().keys():
            if not folder_of(project, feature).is_dir():
                found[name] = f"there are no {feature} features"
    return found
