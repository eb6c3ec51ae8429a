"""A network as if it had learnt: channels weight drawn, so that activations stay near one."""

from typing import Any

import numpy as np


def drawn(model: Any, seed: int = 1) -> Any:
    """The same network, with other weights."""
    import keras

    draw = np.random.default_rng(seed)
    for layer in model.layers:
        values = []
        for weight in layer.weights:
            name, shape = weight.name, tuple(weight.shape)
            if "kernel" in name:
                channels = 1 if isinstance(layer, keras.layers.DepthwiseConv2D) else shape[-2]
                fan = channels * np.prod(shape[:-2])
                values.append(draw.normal(0, np.sqrt(2 / fan), shape))
            elif name in ("gamma", "moving_variance"):
                values.append(draw.uniform(0.5, 1.5, shape))
            else:
                values.append(draw.normal(0, 0.3, shape))
        layer.set_weights(values)
    return model
