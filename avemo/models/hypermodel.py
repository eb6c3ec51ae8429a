"""The seam between architectures and the search: one hypermodel that can become any of them.

An architecture is a module `avemo/models/MODALITY/NAME.py` with `INPUTS`, the features that it
takes, and `embed(hp, inputs, parts)`, which turns them into one vector a clip; `parts` holds the
trained single-modality models, for those that fuse. It may have `COPIES`: for a feature, those of
altered copies of the clips, which training may draw in its place; and `RAW`, features that it takes
a second time, as `NAME_raw`, without standardisation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import Any

import keras
import keras_tuner

from ..corpus.ravdess import EMOTIONS
from .inputs import Preparation
from .metric import UAR

__all__ = ["Architectures", "Variation", "architecture", "copies_of"]


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
    return import_module(f"..{modality}.{name}", __name__)


def copies_of(modality: str, name: str) -> dict[str, tuple[str, ...]]:
    """The features of altered copies that an architecture may learn from, by the feature's name."""
    found: dict[str, tuple[str, ...]] = getattr(architecture(modality, name), "COPIES", {})
    return found


class Architectures(keras_tuner.HyperModel):  # type: ignore[misc]
    """The architectures of one modality, as one search space.

    Args:
        modality: audio, visual or fused
        names: its architectures
        preparations: of each feature
        parts: the trained audio and visual models, for fused ones
        copies: the features of altered copies that there are
    """

    def __init__(
        self,
        modality: str,
        names: list[str],
        preparations: Mapping[str, Preparation],
        parts: dict[str, keras.Model],
        copies: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.copies = copies
        self.modality = modality
        self.names = names
        self.preparations = preparations
        self.parts = parts

    def inputs(self, name: str) -> list[str]:
        """The features that an architecture takes: its own, and those of its parts."""
        own = list(architecture(self.modality, name).INPUTS)
        return own + [feature for part in self.parts.values() for feature in part.input]

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
        return self._variation(hp, hp.Choice("architecture", self.names))

    def build(self, hp: Any) -> keras.Model:
        """A compiled model: features of a clip in, one probability an emotion out."""
        chosen = hp.Choice("architecture", self.names)
        for name in self.names:
            with hp.conditional_scope("architecture", [name]), hp.name_scope(name):
                if name == chosen:
                    inputs = {
                        feature: keras.Input(self.preparations[feature].shape, name=feature)
                        for feature in self.inputs(name)
                    }
                    module = architecture(self.modality, name)
                    raw = {
                        f"{feature}_raw": self.preparations[feature].undone(inputs[feature])
                        for feature in getattr(module, "RAW", ())
                    }
                    x = module.embed(hp, inputs | raw, self.parts)
        x = keras.layers.Identity(name="embedding")(x)
        x = keras.layers.Dropout(0.3)(x)
        x = keras.layers.Dense(len(EMOTIONS), activation="softmax", name="emotion")(x)
        model = keras.Model(inputs, x, name=f"{self.modality}_{chosen}")
        self._variation(hp, chosen)
        rate = hp.Float("learning_rate", 7e-4, 3e-3, sampling="log", default=1e-3)
        smoothing = hp.Choice("label_smoothing", [0.0, 0.1], default=0.1)
        model.compile(
            optimizer=keras.optimizers.AdamW(rate, weight_decay=0.02),
            loss=keras.losses.CategoricalCrossentropy(label_smoothing=smoothing),
            metrics=[UAR()],
        )
        return model

    def _variation(self, hp: Any, name: str) -> Variation:
        with hp.conditional_scope("architecture", [name]), hp.name_scope(name):
            found = {
                feature: there
                for feature, copies in copies_of(self.modality, name).items()
                if (there := [copy for copy in copies if copy in self.copies])
            }
            if not found:
                return Variation()
            copies = hp.Boolean("copies", default=True)
            mixup = hp.Choice("mixup", [0.0, 0.2], default=0.0)
        return Variation(found if copies else {}, mixup)


def _given(values: dict[str, Any]) -> Any:
    hp = keras_tuner.HyperParameters()
    hp.values = dict(values)
    return hp
