"""Feature-level fusion: the branches of the single-modality searches, joined by dense layers.

The branches are trained together, from random weights: one trained before would have seen the
actors that this fusion is validated on.
"""

from keras import layers
from keras_tuner import HyperParameters

from ..architecture import Architecture, Branches, Tensor, Tensors
from ..layers.modality_dropout import concat_with_modality_dropout

__all__ = ["JointBranches"]

_WIDTH = 64


class JointBranches(Architecture):
    """One branch a modality, each as its own search configured it; the inputs are the branches'."""

    def embed(self, hp: HyperParameters, inputs: Tensors, branches: Branches) -> Tensor:
        """Return one vector a clip from all features of the branches."""
        vectors, tensors = [], []
        for branch in branches.values():
            vector = layers.BatchNormalization(momentum=0.9)(branch.embed(inputs))
            vectors.append(layers.Dense(_WIDTH, activation="relu")(vector))
            tensors.append([inputs[name] for name in branch.architecture.inputs])
        x = concat_with_modality_dropout(hp, vectors, tensors)
        x = layers.Dropout(hp.Float("dropout", 0.2, 0.6, step=0.1, default=0.4))(x)
        return layers.Dense(hp.Choice("dense", [32, 64, 128], default=64), activation="relu")(x)
