"""A trained model with all that a prediction needs, in one folder.

`model.keras`, the network; `bundle.json`, a `BundleConfig`: what it is and how its input is made. A
registered version has `network.onnx`, too: the same network, which answers without TensorFlow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..records import BundleConfig
from ..runtime.graph import GRAPH_FILE, load_graph
from . import preprocessing

if TYPE_CHECKING:
    import keras

__all__ = ["CONFIG_FILE", "GRAPH_FILE", "Bundle", "write"]

CONFIG_FILE = "bundle.json"
_NETWORK_FILE = "model.keras"


@dataclass(frozen=True)
class Bundle:
    """A folder that `write` filled; the network is loaded when it is first used.

    Args:
        folder: its path
    """

    folder: Path

    @cached_property
    def config(self) -> BundleConfig:
        """What the model is, and how its input is made."""
        return BundleConfig.read(self.folder / CONFIG_FILE)

    @cached_property
    def preprocessors(self) -> dict[str, preprocessing.Preprocessor]:
        """By feature, how it becomes an input of the network."""
        return {
            feature: preprocessing.from_dict(fields)
            for feature, fields in self.config.inputs.items()
        }

    @cached_property
    def network(self) -> keras.Model:
        """The Keras model."""
        import keras

        return keras.models.load_model(self.folder / _NETWORK_FILE, compile=False)

    def probabilities_of(self, clips: Sequence[Mapping[str, NDArray[Any]]]) -> NDArray[np.float32]:
        """Return the probabilities of the emotions for clips that may lack features.

        Args:
            clips: of each, its features by name
        """
        return self.probabilities(
            {
                feature: [clip.get(feature, preprocessor.empty) for clip in clips]
                for feature, preprocessor in self.preprocessors.items()
            }
        )

    def probabilities(self, features: Mapping[str, Sequence[NDArray[Any]]]) -> NDArray[np.float32]:
        """Return the probabilities of the emotions [shape=(clips, classes)].

        The graph computes them where the folder has one, Keras otherwise.

        Args:
            features: by feature, for each of `preprocessors`, one array a clip

        Raises:
            GraphError: the graph cannot be run here
        """
        inputs = {
            feature: preprocessor.apply(features[feature]).astype(np.float32)
            for feature, preprocessor in self.preprocessors.items()
        }
        probabilities: NDArray[np.float32]
        if (graph := self.folder / GRAPH_FILE).exists():
            (probabilities,) = load_graph(graph).run(inputs)
        else:
            probabilities = self.network.predict(inputs, batch_size=64, verbose=0)
        return probabilities


def write(
    folder: Path,
    network: keras.Model,
    preprocessors: Mapping[str, preprocessing.Preprocessor],
    config: BundleConfig,
) -> None:
    """Write a trained model into a folder that exists.

    Args:
        folder: gets the network and `bundle.json`
        network: takes the features of `preprocessors`
        preprocessors: by feature
        config: its `inputs` are replaced by the preprocessors
    """
    network.save(folder / _NETWORK_FILE)
    inputs = {feature: asdict(preprocessor) for feature, preprocessor in preprocessors.items()}
    config.model_copy(update={"inputs": inputs}).write(folder / CONFIG_FILE)
