"""A trained model with all that it needs to answer, in one folder.

`model.keras`, the network; `bundle.json`, what it is and how its input is made.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from . import preprocessing

__all__ = ["Bundle", "write"]

Array = np.ndarray[Any, Any]

_NETWORK = "model.keras"
_DESCRIPTION = "bundle.json"


@dataclass(frozen=True)
class Bundle:
    """What `write` wrote; the network is loaded when it is first used.

    Args:
        folder: where it stands
    """

    folder: Path

    @property
    def exists(self) -> bool:
        """Whether there is one: a modality without data has none."""
        return (self.folder / _DESCRIPTION).is_file()

    @cached_property
    def description(self) -> dict[str, Any]:
        """Modality, architecture, hyperparameters, classes, features, split."""
        text = (self.folder / _DESCRIPTION).read_text(encoding="utf-8")
        found: dict[str, Any] = json.loads(text)
        return found

    @cached_property
    def preprocessors(self) -> dict[str, preprocessing.Preprocessor]:
        """How each feature becomes an input of the network."""
        return {
            name: preprocessing.from_dict(fields)
            for name, fields in self.description["inputs"].items()
        }

    @cached_property
    def network(self) -> Any:
        """The Keras model."""
        import keras

        return keras.models.load_model(self.folder / _NETWORK, compile=False)

    def probabilities(self, features: Mapping[str, Sequence[Array]]) -> Array:
        """One row of probabilities a clip.

        Args:
            features: for each of `preprocessors` the clips' arrays

        Returns:
            float32 [shape=(clips, classes)]
        """
        prepared = {
            name: preprocessor.apply(features[name])
            for name, preprocessor in self.preprocessors.items()
        }
        found: Array = self.network.predict(prepared, batch_size=64, verbose=0)
        return found


def write(
    folder: Path,
    network: Any,
    preprocessors: dict[str, preprocessing.Preprocessor],
    description: dict[str, Any],
) -> None:
    """Put a trained model into a folder that exists."""
    network.save(folder / _NETWORK)
    made = {name: asdict(preprocessor) for name, preprocessor in preprocessors.items()}
    text = json.dumps(description | {"inputs": made}, indent=1)
    (folder / _DESCRIPTION).write_text(text, encoding="utf-8")
