"""The search space: one hypermodel that can become any of a modality's architectures."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import keras
import keras_tuner

from ..modalities import Modality, Unimodal
from ..records import Configuration
from . import ensemble
from .architecture import (
    Architecture,
    Solver,
    UnimodalBranch,
    hyperparameter_scope,
    hyperparameters_from,
    load_architecture,
)
from .layers.uar import UAR
from .preprocessing import Preprocessor

__all__ = ["Architectures", "Augmentation"]


@dataclass(frozen=True)
class Augmentation:
    """How the training examples differ from epoch to epoch.

    Args:
        copies: by feature, the features of altered copies; a clip's own and each of its copies are
            drawn equally often
        mixup: clips are mixed in pairs, in shares drawn from Beta(mixup, mixup); 0: not at all
    """

    copies: Mapping[str, Sequence[str]] = field(default_factory=dict)
    mixup: float = 0.0


class Architectures(keras_tuner.HyperModel):  # type: ignore[misc]
    """The architectures of one modality, as one search space.

    Args:
        modality: audio, visual or fused
        names: its architectures
        preprocessors: by feature
        branches: for a fusion, the configuration of the network of each modality
        augmented_features: the features of altered copies that the corpus has
        classes: the emotions, in the order of the probabilities
    """

    def __init__(
        self,
        modality: Modality,
        names: Sequence[str],
        preprocessors: Mapping[str, Preprocessor],
        branches: Mapping[Unimodal, Configuration],
        augmented_features: Iterable[str] = (),
        *,
        classes: Sequence[str],
    ) -> None:
        super().__init__()
        self.modality = modality
        self.names = list(names)
        self.preprocessors = preprocessors
        self.branches = {
            branch: UnimodalBranch(branch, configuration)
            for branch, configuration in branches.items()
        }
        self.augmented_features = frozenset(augmented_features)
        self.classes = classes

    def inputs(self, name: str) -> list[str]:
        """Return the features that an architecture takes."""
        return [feature for source in self._sources(name) for feature in source.inputs]

    def unscaled_inputs(self, name: str) -> dict[str, int]:
        """Return how many columns those features have that an architecture takes as they are."""
        return {
            feature: columns
            for source in self._sources(name)
            for feature, columns in source.unscaled_inputs.items()
        }

    def augmentations(self, name: str) -> dict[str, tuple[str, ...]]:
        """Return by feature the altered copies that an architecture may learn from."""
        architecture = self._architecture(name)
        copies = dict(architecture.augmentations)
        if not architecture.inputs:
            for branch in self.branches.values():
                copies |= branch.architecture.augmentations
        return copies

    def inference_features(self, name: str) -> list[str]:
        """Return the features that a network from `with_tta` takes."""
        views = self._tta_views(name).values()
        return self.inputs(name) + [feature for copies in views for feature in copies]

    def with_tta(self, network: keras.Model, name: str) -> keras.Model:
        """Return the network that averages over a clip and its altered copies.

        Args:
            network: as `build_from` returned it, fitted
            name: its architecture
        """
        return ensemble.tta_average(network, self._tta_views(name))

    def build_from(self, configuration: Configuration) -> keras.Model:
        """Return the compiled model of one configuration.

        Args:
            configuration: hyperparameters by name; those that are missing take their defaults
        """
        return self.build(hyperparameters_from(configuration))

    def augmentation_for(self, configuration: Configuration) -> Augmentation:
        """Return the augmentation that one configuration is trained with.

        Args:
            configuration: as `build_from` takes it
        """
        hp = hyperparameters_from(configuration)
        name = hp.Choice("architecture", self.names)
        with hyperparameter_scope(hp, name):
            return self._augmentation(hp, name)

    def solver_for(self, configuration: Configuration) -> Solver | None:
        """Return what fits the network of a configuration at once; None: gradient descent does.

        Args:
            configuration: as `build_from` takes it
        """
        hp = hyperparameters_from(configuration)
        name = hp.Choice("architecture", self.names)
        with hyperparameter_scope(hp, name):
            return self._architecture(name).solver(hp)

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Return a compiled model: features of a clip in, one probability an emotion out."""
        selected = hp.Choice("architecture", self.names)
        for name in self.names:  # the tuner learns that the others have a scope
            with hyperparameter_scope(hp, name):
                if name == selected:
                    inputs, x = self._body(hp, name)
                    self._augmentation(hp, name)
        probabilities = self._architecture(selected).head(x, self.classes)
        model = keras.Model(inputs, probabilities, name=f"{self.modality}_{selected}")
        rate = hp.Float("learning_rate", 7e-4, 3e-3, sampling="log", default=1e-3)
        smoothing = hp.Choice("label_smoothing", [0.0, 0.1], default=0.1)
        model.compile(
            optimizer=keras.optimizers.AdamW(rate, weight_decay=0.02),
            loss=keras.losses.CategoricalCrossentropy(label_smoothing=smoothing),
            metrics=[UAR(len(self.classes))],
        )
        # otherwise Keras makes the optimiser's variables while it traces, and traces twice
        model.optimizer.build(model.trainable_variables)
        return model

    def _architecture(self, name: str) -> Architecture:
        return load_architecture(self.modality, name)

    def _tta_views(self, name: str) -> dict[str, list[str]]:
        return self._available(self._architecture(name).tta_views)

    def _available(self, copies: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
        """Return the altered copies that the corpus has."""
        available = {
            feature: [copy for copy in names if copy in self.augmented_features]
            for feature, names in copies.items()
        }
        return {feature: names for feature, names in available.items() if names}

    def _sources(self, name: str) -> list[Architecture]:
        """Return the architectures whose features one takes: itself, or those of its branches."""
        own = self._architecture(name)
        return [own] if own.inputs else [branch.architecture for branch in self.branches.values()]

    def _body(
        self, hp: keras_tuner.HyperParameters, name: str
    ) -> tuple[dict[str, keras.KerasTensor], keras.KerasTensor]:
        """Return the inputs, and one vector a clip."""
        inputs = {
            feature: keras.Input(self.preprocessors[feature].shape, name=feature)
            for feature in self.inputs(name)
        }
        return inputs, self._architecture(name).embed(hp, inputs, self.branches)

    def _augmentation(self, hp: keras_tuner.HyperParameters, name: str) -> Augmentation:
        copies = self._available(self.augmentations(name))
        if not copies:
            return Augmentation()
        return Augmentation(copies, hp.Choice("mixup", [0.0, 0.2], default=0.0))
