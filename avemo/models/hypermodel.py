"""The seam between architectures and the search: one hypermodel that can become any of them.

An architecture is a module `avemo/models/MODALITY/NAME.py` with `INPUTS`, the features that it
takes, and `embed(hp, inputs, parts)`, which turns them into one vector a clip; `parts` holds the
trained single-modality models, for those that fuse.
"""

from importlib import import_module
from types import ModuleType
from typing import Any

import keras
import keras_tuner

from ..corpus.ravdess import EMOTIONS
from .metric import UAR

__all__ = ["Architectures", "architecture"]


def architecture(modality: str, name: str) -> ModuleType:
    """The module that a name in params.yaml stands for."""
    return import_module(f"..{modality}.{name}", __name__)


class Architectures(keras_tuner.HyperModel):  # type: ignore[misc]
    """The architectures of one modality, as one search space.

    Args:
        modality: audio, visual or fused
        names: its architectures
        shapes: of each feature of one clip
        parts: the trained audio and visual models, for fused ones
    """

    def __init__(
        self,
        modality: str,
        names: list[str],
        shapes: dict[str, tuple[int, ...]],
        parts: dict[str, keras.Model],
    ) -> None:
        super().__init__()
        self.modality = modality
        self.names = names
        self.shapes = shapes
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
        hp = keras_tuner.HyperParameters()
        hp.values = dict(values)
        return self.build(hp)

    def build(self, hp: Any) -> keras.Model:
        """A compiled model: features of a clip in, one probability an emotion out."""
        chosen = hp.Choice("architecture", self.names)
        for name in self.names:
            with hp.conditional_scope("architecture", [name]), hp.name_scope(name):
                if name == chosen:
                    inputs = {
                        feature: keras.Input(self.shapes[feature], name=feature)
                        for feature in self.inputs(name)
                    }
                    x = architecture(self.modality, name).embed(hp, inputs, self.parts)
        x = keras.layers.Identity(name="embedding")(x)
        x = keras.layers.Dropout(0.3)(x)
        x = keras.layers.Dense(len(EMOTIONS), activation="softmax", name="emotion")(x)
        model = keras.Model(inputs, x, name=f"{self.modality}_{chosen}")
        rate = hp.Float("learning_rate", 7e-4, 3e-3, sampling="log", default=1e-3)
        smoothing = hp.Choice("label_smoothing", [0.0, 0.1], default=0.1)
        model.compile(
            optimizer=keras.optimizers.AdamW(rate, weight_decay=0.02),
            loss=keras.losses.CategoricalCrossentropy(label_smoothing=smoothing),
            metrics=[UAR()],
        )
        return model
