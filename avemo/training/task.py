"""The training task of one modality: its data, and the networks that may be fitted to it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..datasets import Dataset, folder_of, load
from ..errors import AvemoError
from ..modalities import UNIMODAL, Modality, Unimodal
from ..models import preprocessing
from ..models.architecture import load_architecture
from ..models.end_to_end import feature_name
from ..models.hypermodel import Architectures
from ..models.preprocessing import Preprocessor, SequencePreprocessor
from ..paths import Project
from ..records import Configuration
from ..settings import Settings
from ..tracking import dvc_lock, runs
from . import fusion

__all__ = ["NothingToTrain", "Preprocessors", "TrainingTask", "fingerprint", "load_task"]

#: the code that a fit's outcome depends on
_CODE = (Path(__file__).parent, Path(__file__).parents[1] / "models")

#: that strictly nested predictions take: one is tested, one predicted, and one trained on
_MIN_INNER_FOLDS = 3

#: by feature
Preprocessors = Mapping[str, Preprocessor]


class NothingToTrain(AvemoError):
    """The corpus holds nothing to train a modality on; the message says what is missing."""


@dataclass(frozen=True)
class TrainingTask:
    """What the search and the training of one modality share.

    Args:
        modality: audio, visual or fused
        data: its performances
        architectures: those whose features there are
        skipped: of the other architectures, why not
        branches: for a fusion, the configuration of the network of each modality
        fixed_preprocessors: by feature, those that are not fitted to the training set
        augmented_features: by feature of altered copies, the feature of the clips themselves
    """

    modality: Modality
    data: Dataset
    architectures: list[str]
    skipped: dict[str, str]
    branches: dict[Unimodal, Configuration]
    fixed_preprocessors: Preprocessors
    augmented_features: Mapping[str, str] = field(default_factory=dict)

    def fit_preprocessors(self, train: Dataset) -> Preprocessors:
        """Return the preprocessors by feature, fitted to a training set."""
        own = self.data.features.keys() - self.fixed_preprocessors.keys()
        own -= self.augmented_features.keys()
        fitted = {name: preprocessing.fit(train.features[name]) for name in sorted(own)}
        copies = {copy: fitted[original] for copy, original in self.augmented_features.items()}
        return {**self.fixed_preprocessors, **fitted, **copies}

    def hypermodel(self, preprocessors: Preprocessors) -> Architectures:
        """Return the networks that take inputs of these preprocessors."""
        return Architectures(
            self.modality,
            self.architectures,
            preprocessors,
            self.branches,
            self.augmented_features,
            classes=self.data.classes,
        )


def load_task(project: Project, settings: Settings, modality: Modality) -> TrainingTask:
    """Load the data of a modality, for those architectures whose features there are.

    Raises:
        NothingToTrain: no performance of the training part has the features
        CorpusError: the models to fuse were trained on another split
    """
    search = settings.search.of(modality)
    architectures = settings.search.architectures_of(modality)
    branches = fusion.branch_configurations(project) if modality == "fused" else {}
    if modality == "fused" and not branches:
        raise NothingToTrain("there is no model of each modality to fuse")
    skipped = _without_features(project, modality, architectures)
    names = [name for name in architectures if name not in skipped]
    if not names:
        skipped |= _without_features(project, modality, search.fallback)
        names = [name for name in search.fallback if name not in skipped]
    if not names:
        raise NothingToTrain("; ".join(f"{name}: {reason}" for name, reason in skipped.items()))
    classes = settings.labels.classes
    stacked = fusion.stacking_preprocessors(len(classes)) if branches else {}
    hypermodel = Architectures(modality, names, {}, branches, classes=classes)
    features = {feature for name in names for feature in hypermodel.inputs(name)} - stacked.keys()
    copies = {
        copy: feature
        for name in names
        for feature, augmentations in hypermodel.augmentations(name).items()
        for copy in augmentations
        if folder_of(project, copy).is_dir()
    }
    data = load(project, sorted(features) + sorted(copies), classes)
    if branches:
        data = fusion.add_log_probabilities(project, data)
        inner_folds = data.rows.loc[data.rows["part"].ne("test"), "fold"].nunique()
        if fusion.STACKING in names and inner_folds < _MIN_INNER_FOLDS:
            reason = f"it takes {_MIN_INNER_FOLDS} inner folds, and there are {inner_folds}"
            skipped[fusion.STACKING] = reason
            names = [name for name in names if name != fusion.STACKING] or [fusion.LATE]
    if not len(data.part("train")):
        late = [name for name in names if name in fusion.LATE_FUSIONS]
        if not late:
            features_text = " and ".join(data.features)
            raise NothingToTrain(f"no performance of the training part has {features_text}")
        # a late fusion answers unfitted
        names, copies = late[:1], {}
        inputs = hypermodel.inputs(names[0])
        data = replace(data, features={name: data.features[name] for name in inputs})
    own = {feature: stacked[feature] for feature in stacked if feature in data.features}
    fixed: Preprocessors = own | _unscaled_preprocessors(hypermodel, names)
    return TrainingTask(modality, data, names, skipped, branches, fixed, copies)


def fingerprint(project: Project, settings: Settings, task: TrainingTask) -> str:
    """Return a hash of all that a task's fits depend on, so that others are not taken for them."""
    search = settings.search.of(task.modality)
    code = [file.read_text("utf-8") for folder in _CODE for file in sorted(folder.rglob("*.py"))]
    contents = [
        code,
        settings.seed,
        task.architectures,
        search.model_dump(include={"sampling_order", "batch_size"}),
        settings.search.budget_of(task.modality).epochs,
        task.branches,
        [[row.tolist() for row in task.data.features[name]] for name in task.fixed_preprocessors],
        {name: spec.to_json() for name, spec in task.data.specs.items()},
        task.data.classes,
        task.data.rows.to_csv(),
        dvc_lock.read(project).data(runs.stage_name("search", task.modality)),
    ]
    return hashlib.sha256(json.dumps(contents).encode()).hexdigest()[:12]


def _unscaled_preprocessors(hypermodel: Architectures, names: list[str]) -> dict[str, Preprocessor]:
    """Return by feature the preprocessors of those that architectures take as they are."""
    return {
        feature: SequencePreprocessor.unscaled(columns)
        for name in names
        for feature, columns in sorted(hypermodel.unscaled_inputs(name).items())
    }


def _without_features(project: Project, modality: Modality, names: list[str]) -> dict[str, str]:
    """Return by architecture which of its features are missing; others are left out."""
    stacked = {feature_name(branch) for branch in UNIMODAL}
    return {
        name: f"there are no {feature} features"
        for name in names
        for feature in set(load_architecture(modality, name).inputs) - stacked
        if not folder_of(project, feature).is_dir()
    }
