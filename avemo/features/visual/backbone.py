"""Features of a network for objects: VGG16, as in the original study, or a small one.

Trained on ImageNet, it knows no expressions.

Source:
    K. Simonyan, A. Zisserman: Very deep convolutional networks. ICLR 2015, weights CC BY 4.0;
    M. Sandler et al.: MobileNetV2. CVPR 2018, weights Apache-2.0; both by keras.applications
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from ...faces.extract import decode_crops
from ...pretrained import imagenet_networks
from ...runtime import pretrained_graphs
from ...runtime.graph import load_graph
from ...schema import Strict
from ..arrays import Arrays
from ..extractor import VisualExtractor

__all__ = ["Backbone", "Settings"]

_BATCH = 8  # faces; VGG16's first layers take 26 MB for each


class Settings(Strict):
    """`extractors.backbone` in params.yaml."""

    network: Literal["vgg16", "mobilenet_v2"]
    side_px: Annotated[int, Field(ge=32, le=224)]


class Backbone(VisualExtractor[Settings]):
    """The last convolutions, averaged over the face."""

    settings_class = Settings
    version = 2
    dtypes: ClassVar = {"backbone": "float16"}
    weight_names = ("backbone",)

    def licences(self) -> set[str]:
        """Return what the weights may be used for."""
        return {imagenet_networks.LICENCE}

    def fetch_weights(self, *, quiet: bool = False) -> dict[str, Path]:
        """Return the graph of the network that the settings name, for pictures of their size.

        Raises:
            AssetError: it cannot be had
        """
        network, side = self.settings.network, self.settings.side_px
        weights = imagenet_networks.fetch_weights(network, quiet=quiet)
        return {"backbone": pretrained_graphs.get(f"{network}_{side}", weights)}

    def extract(self, faces: Arrays) -> Arrays:
        """Return the features of each face of a clip.

        Args:
            faces: the clip's n faces, as `faces.extract` gives them

        Returns:
            `backbone`: float16 [shape=(n, 512)] of VGG16, [shape=(n, 1280)] of MobileNetV2

        Raises:
            GraphError: the network cannot be run here
        """
        network = load_graph(self.weights["backbone"])
        pictures = decode_crops(faces, self.settings.side_px)
        batches = [
            network.run({"pictures": pictures[start : start + _BATCH].astype(np.float32)})[0]
            for start in range(0, len(pictures), _BATCH)
        ]
        return {"backbone": np.concatenate(batches).astype(np.float16)}
