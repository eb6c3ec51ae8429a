"""What an architecture is: features of a clip in, one vector a clip out.

Each file in `avemo/models/{audio,visual,fusion}/` holds one subclass of `Architecture`; params.yaml
calls it by the name of the file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import keras
import numpy as np
from keras_tuner import HyperParameters
from numpy.typing import NDArray

from .shrunk_fit import fit_shrunk

if TYPE_CHECKING:
    from ..modalities import Modality, Unimodal
    from ..records import Configuration

__all__ = [
    "AnswersUntrained",
    "Architecture",
    "Branches",
    "Solver",
    "Tensor",
    "Tensors",
    "UnimodalBranch",
    "hyperparameter_scope",
    "hyperparameters_from",
    "load_architecture",
]

Tensor: TypeAlias = keras.KerasTensor
#: by feature
Tensors: TypeAlias = Mapping[str, Tensor]
Branches: TypeAlias = "Mapping[Unimodal, UnimodalBranch]"
#: sets the weights of a network just built; takes it, the training set's inputs by feature, and the
#: true emotions' codes [shape=(clips,)]
Solver: TypeAlias = Callable[
    [keras.Model, Mapping[str, NDArray[np.float32]], NDArray[np.integer]], None
]


class Architecture(ABC):
    """A network as a function of hyperparameters.

    Attributes:
        inputs: the features that it takes; a fusion without inputs takes those of its branches
        augmentations: by feature, the features of altered copies of the clips, which training may
            draw in its place
        tta_views: by feature, those of the altered copies that a fitted network predicts on, too
            (test-time augmentation)
        unscaled_inputs: how many columns the features among `inputs` have that it takes as they
            are, one row a clip, not
            standardised
    """

    inputs: ClassVar[tuple[str, ...]] = ()
    augmentations: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    tta_views: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    unscaled_inputs: ClassVar[Mapping[str, int]] = {}

    @abstractmethod
    def embed(self, hp: HyperParameters, inputs: Tensors, branches: Branches) -> Tensor:
        """Return one vector a clip [shape=(clips, columns)].

        Args:
            hp: declares and gives the hyperparameters
            inputs: by feature, preprocessed
            branches: for a fusion, the networks of the single modalities; else empty
        """

    def head(self, x: Tensor, classes: Sequence[str]) -> Tensor:
        """Return the probabilities of the emotions [shape=(clips, emotions)].

        Args:
            x: what `embed` returned
            classes: the emotions, in the order of the probabilities
        """
        x = keras.layers.Dropout(0.3)(x)
        return keras.layers.Dense(len(classes), activation="softmax", name="emotion")(x)

    def solver(self, hp: HyperParameters) -> Solver | None:
        """Return what fits the network at once; None: it is fitted by gradient descent.

        Args:
            hp: those that `embed` declared
        """
        return None


class AnswersUntrained(Architecture):
    """A network that answers before it is trained; its few weights are shrunk towards that."""

    def solver(self, hp: HyperParameters) -> Solver:
        """Return the fit of `shrunk_fit`."""
        return fit_shrunk


def load_architecture(modality: Modality, name: str) -> Architecture:
    """Return the architecture that a name in params.yaml stands for."""
    package = "fusion" if modality == "fused" else modality
    module = import_module(f"..{package}.{name}", __name__)
    (architecture,) = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Architecture)
        and value.__module__ == module.__name__
    ]
    return architecture()


@dataclass(frozen=True)
class UnimodalBranch:
    """The network of one modality inside a fusion, built anew from the search's configuration.

    Args:
        modality: audio or visual
        configuration: the hyperparameters by name
    """

    modality: Unimodal
    configuration: Configuration

    @property
    def name(self) -> str:
        """The name of its architecture."""
        return str(self.configuration["architecture"])

    @property
    def architecture(self) -> Architecture:
        """Its architecture."""
        return load_architecture(self.modality, self.name)

    def embed(self, inputs: Tensors) -> Tensor:
        """Return one vector a clip [shape=(clips, columns)].

        Args:
            inputs: its features by name, and maybe others
        """
        hp = hyperparameters_from(self.configuration)
        hp.Choice("architecture", [self.name])
        own = {feature: inputs[feature] for feature in self.architecture.inputs}
        with hyperparameter_scope(hp, self.name):
            return self.architecture.embed(hp, own, {})


@contextmanager
def hyperparameter_scope(hp: HyperParameters, name: str) -> Iterator[None]:
    """Declare hyperparameters under an architecture's name, active where it is the one chosen."""
    with hp.conditional_scope("architecture", [name]), hp.name_scope(name):
        yield


def hyperparameters_from(configuration: Configuration) -> HyperParameters:
    """Return Keras Tuner's hyperparameters with the values of a configuration."""
    hp = HyperParameters()
    hp.values = dict(configuration)
    return hp
