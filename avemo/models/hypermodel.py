"""The seam between architectures and the search: one hypermodel that can become any of them.

An architecture is a module `avemo/models/MODALITY/NAME.py` with `INPUTS`, the features that it
takes, and `embed(hp, inputs, parts)`, which turns them into one vector a clip; for one that fuses,
`parts` holds a `Part` a modality, and without `INPUTS` it takes theirs. It may have `COPIES`: for a
feature, those of altered copies of the clips, which training may draw in its place; `VIEWS`: of
these, those that a fitted network is asked about, too; and a `head` of its own, which makes a
vector a probability an emotion.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import Any

import keras
import keras_tuner

from ..emotions import EMOTIONS
from . import ensemble
from .layers.uar import UAR
from .preprocessing import Preparation

__all__ = ["Architectures", "Part", "Variation", "architecture"]


@dataclass(frozen=True)
class Variation:
    """How what is learnt from differs from epoch to epoch.

    Args:
        copies: for a feature, those that are drawn in its place as often as it itself
        mixup: clips are mixed by twos, in shares drawn from Beta(mixup, mixup); 0: they are not
    """

    copies: Mapping[str, Sequence[str]] = field(default_factory=dict)
    mixup: float = 0.0


def architecture(modality: str, name: str) -> ModuleType:
    """The module that a name in params.yaml stands for."""
    package = "fusion" if modality == "fused" else modality
    return import_module(f"..{package}.{name}", __name__)


class Architectures(keras_tuner.HyperModel):  # type: ignore[misc]
    """The architectures of one modality, as one search space.

    Args:
        modality: audio, visual or fused
        names: its architectures
        preparations: of each feature
        parts: for fused ones, the configuration of each modality that is fused
        copies: the features of altered copies that there are
    """

    def __init__(
        self,
        modality: str,
        names: list[str],
        preparations: Mapping[str, Preparation],
        parts: Mapping[str, dict[str, Any]],
        copies: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.known_copies = copies
        self.modality = modality
        self.names = names
        self.preparations = preparations
        self.parts = {key: Part(key, values) for key, values in parts.items()}

    def inputs(self, name: str) -> list[str]:
        """The features that an architecture takes."""
        own = list(architecture(self.modality, name).INPUTS)
        return own + [feature for part in self._parts(name) for feature in part.inputs]

    def _parts(self, name: str) -> list["Part"]:
        """Those that it is made of: one without inputs of its own."""
        return [] if architecture(self.modality, name).INPUTS else list(self.parts.values())

    def copies(self, name: str) -> dict[str, tuple[str, ...]]:
        """The features of altered copies that it may learn from, by the feature's name."""
        own = getattr(architecture(self.modality, name), "COPIES", {})
        return own | {key: each for part in self._parts(name) for key, each in part.copies.items()}

    def asked(self, name: str) -> list[str]:
        """The features that `answering` takes."""
        return self.inputs(name) + [view for each in self._views(name).values() for view in each]

    def _views(self, name: str) -> dict[str, list[str]]:
        return self._known(getattr(architecture(self.modality, name), "VIEWS", {}))

    def _known(self, copies: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
        """Those that there are."""
        known = {
            key: [one for one in each if one in self.known_copies] for key, each in copies.items()
        }
        return {key: each for key, each in known.items() if each}

    def answering(self, network: keras.Model, name: str) -> keras.Model:
        """A fitted network as it is asked: about a clip, and about altered copies of it.

        Args:
            network: as `configured` made it
            name: its architecture
        """
        return ensemble.averaged(network, self._views(name))

    def configured(self, values: dict[str, Any]) -> keras.Model:
        """The model of one configuration.

        Args:
            values: hyperparameters by name, those of a trial; others take their defaults
        """
        return self.build(_given(values))

    def varied(self, values: dict[str, Any]) -> Variation:
        """How what one configuration learns from is varied.

        Args:
            values: as `configured` takes them
        """
        hp = _given(values)
        name = hp.Choice("architecture", self.names)
        with _scope(hp, name):
            return self._variation(hp, name)

    def build(self, hp: Any) -> keras.Model:
        """A compiled model: features of a clip in, one probability an emotion out."""
        chosen = hp.Choice("architecture", self.names)
        for name in self.names:  # of the others, the tuner learns that they have a scope
            with _scope(hp, name):
                if name == chosen:
                    inputs, x = self._body(hp, name)
                    self._variation(hp, name)
        x = getattr(architecture(self.modality, chosen), "head", _head)(x)
        model = keras.Model(inputs, x, name=f"{self.modality}_{chosen}")
        rate = hp.Float("learning_rate", 7e-4, 3e-3, sampling="log", default=1e-3)
        smoothing = hp.Choice("label_smoothing", [0.0, 0.1], default=0.1)
        model.compile(
            optimizer=keras.optimizers.AdamW(rate, weight_decay=0.02),
            loss=keras.losses.CategoricalCrossentropy(label_smoothing=smoothing),
            metrics=[UAR()],
        )
        return model

    def _body(self, hp: Any, name: str) -> tuple[dict[str, Any], Any]:
        """The inputs, and one vector a clip."""
        inputs = {
            feature: keras.Input(self.preparations[feature].shape, name=feature)
            for feature in self.inputs(name)
        }
        return inputs, architecture(self.modality, name).embed(hp, inputs, self.parts)

    def _variation(self, hp: Any, name: str) -> Variation:
        found = self._known(self.copies(name))
        if not found:
            return Variation()
        return Variation(found, hp.Choice("mixup", [0.0, 0.2], default=0.0))


@dataclass(frozen=True)
class Part:
    """A single modality, for an architecture that fuses: built anew, as its search chose.

    Args:
        modality: audio or visual
        values: the configuration
    """

    modality: str
    values: dict[str, Any]

    @property
    def name(self) -> str:
        """Its architecture."""
        return str(self.values["architecture"])

    @property
    def inputs(self) -> list[str]:
        """The features that it takes."""
        return list(architecture(self.modality, self.name).INPUTS)

    @property
    def copies(self) -> dict[str, tuple[str, ...]]:
        """As `Architectures.copies`."""
        found: dict[str, tuple[str, ...]] = getattr(
            architecture(self.modality, self.name), "COPIES", {}
        )
        return found

    def embed(self, inputs: dict[str, Any]) -> Any:
        """One vector a clip.

        Args:
            inputs: of these features, and maybe of others
        """
        hp = _given(self.values)
        hp.Choice("architecture", [self.name])
        own = {name: inputs[name] for name in self.inputs}
        with _scope(hp, self.name):
            return architecture(self.modality, self.name).embed(hp, own, {})


@contextmanager
def _scope(hp: Any, name: str) -> Iterator[None]:
    """Where an architecture's own hyperparameters are declared."""
    with hp.conditional_scope("architecture", [name]), hp.name_scope(name):
        yield


def _head(x: Any) -> Any:
    x = keras.layers.Dropout(0.3)(x)
    return keras.layers.Dense(len(EMOTIONS), activation="softmax", name="emotion")(x)


def _given(values: dict[str, Any]) -> Any:
    hp = keras_tuner.HyperParameters()
    hp.values = dict(values)
    return hp
