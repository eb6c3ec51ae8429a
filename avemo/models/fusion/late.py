"""Logistic regression on what the audio and the visual model answer.

It begins as the geometric mean of both, and one that is missing counts for nothing.
"""

from typing import Any

import numpy as np

from ..layers.modality_dropout import together

__all__ = ["INPUTS", "embed", "head"]

#: the logarithms of the two models' probabilities, of performances that they were not trained on
INPUTS = ("audio_answers", "visual_answers")


def embed(hp: Any, inputs: dict[str, Any], parts: dict[str, Any]) -> Any:
    """Answers [shape=(clips, 1, emotions)] side by side [shape=(clips, 2 * emotions)]."""
    from keras import layers

    vectors = [layers.Flatten()(inputs[name]) for name in INPUTS]
    return together(hp, vectors, [[inputs[name]] for name in INPUTS])


def head(x: Any) -> Any:
    """One probability an emotion."""
    import keras

    emotions = x.shape[1] // len(INPUTS)
    mean = np.concatenate([np.eye(emotions)] * len(INPUTS)) / len(INPUTS)
    return keras.layers.Dense(
        emotions,
        activation="softmax",
        kernel_initializer=keras.initializers.Constant(mean),
        name="emotion",
    )(x)
