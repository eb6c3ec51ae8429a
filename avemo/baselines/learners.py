"""What learns from examples: Keras networks, or a classifier of scikit-learn's."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd

from ..emotions import EMOTIONS
from ..settings import Baselines

__all__ = ["Averaged", "Classifier", "Examples", "Inputs", "Learner", "Network", "OnEpoch"]

Array = np.ndarray[Any, Any]

#: one array [shape=(examples, ...)] for each type of input
Inputs = list[Array]
#: inputs, and the emotions' places in `EMOTIONS`
Examples = tuple[Inputs, Array]
#: is called with an epoch's figures
OnEpoch = Callable[[dict[str, float]], None]


class Learner(Protocol):
    """Learns once, then answers."""

    def fit(self, train: Examples, valid: Examples, on_epoch: OnEpoch) -> pd.DataFrame:
        """Learn; returns one row an epoch, with its number and figures, or none."""
        ...

    def probabilities(self, x: Inputs) -> Array:
        """One row of probabilities an example [shape=(examples, emotions)]."""
        ...


class Network:
    """Adam, a learning rate that falls where the validation loss stays, the best epoch kept.

    Args:
        build: from the shape of an example of each input to a Keras model
        options: `baselines` in params.yaml
        seed: of the weights and of the order of batches
    """

    def __init__(self, build: Callable[..., Any], options: Baselines, seed: int):
        self._build = build
        self._options = options
        self._seed = seed

    def fit(self, train: Examples, valid: Examples, on_epoch: OnEpoch) -> pd.DataFrame:
        """Learn; each clip weighs the same, as in the study."""
        import keras

        from ..models.layers.uar import UAR
        from ..training.fit import make_deterministic

        keras.backend.clear_session()
        make_deterministic(self._seed)
        patience = self._options.patience
        self._model = self._build(*(x.shape[1:] for x in train[0]))
        self._model.compile("adam", "categorical_crossentropy", metrics=[UAR()])
        history = self._model.fit(
            *_one_hot(train),
            validation_data=_one_hot(valid),
            epochs=self._options.epochs,
            batch_size=self._options.batch_size,
            callbacks=[
                keras.callbacks.ReduceLROnPlateau(
                    "val_loss", factor=0.5, patience=max(1, patience // 3), mode="min"
                ),
                keras.callbacks.EarlyStopping(
                    "val_loss", patience=patience, restore_best_weights=True, mode="min"
                ),
                keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: on_epoch(logs)),
            ],
            verbose=0,
        )
        table = pd.DataFrame(history.history)
        table.insert(0, "epoch", range(1, len(table) + 1))
        return table

    def probabilities(self, x: Inputs) -> Array:
        """One row of probabilities an example [shape=(examples, emotions)]."""
        found: Array = self._model.predict(x, batch_size=64, verbose=0)
        return found


class Averaged:
    """A network for each input, each learnt by itself; their answers' mean.

    Args:
        builds: for each input, see `Network`
        options: `baselines` in params.yaml
        seed: of each
    """

    def __init__(self, builds: Sequence[Callable[..., Any]], options: Baselines, seed: int):
        self._networks = [Network(build, options, seed) for build in builds]

    def fit(self, train: Examples, valid: Examples, on_epoch: OnEpoch) -> pd.DataFrame:
        """Learn; the epochs of one network after those of the other."""
        tables = [
            network.fit(([x], train[1]), ([other], valid[1]), on_epoch)
            for network, x, other in zip(self._networks, train[0], valid[0], strict=True)
        ]
        table = pd.concat(tables, ignore_index=True)
        return table.assign(epoch=range(1, len(table) + 1))

    def probabilities(self, x: Inputs) -> Array:
        """One row of probabilities an example [shape=(examples, emotions)]."""
        pairs = zip(self._networks, x, strict=True)
        return np.asarray(sum(network.probabilities([one]) for network, one in pairs) / len(x))


class Classifier:
    """One of scikit-learn's, which takes a single input.

    Args:
        model: answers with probabilities, or with a score an emotion, of which a softmax makes
            some: the order of the emotions stays the model's own
    """

    def __init__(self, model: Any) -> None:
        self._model = model

    def fit(self, train: Examples, valid: Examples, on_epoch: OnEpoch) -> pd.DataFrame:
        """Learn, in one go; the validation part is left for the choice among variants."""
        (x,), labels = train
        self._model.fit(x, labels)
        on_epoch({})
        return pd.DataFrame()

    def probabilities(self, x: Inputs) -> Array:
        """One row of probabilities an example; zero for what the training part did not hold."""
        (rows,) = x
        out = np.zeros((len(rows), len(EMOTIONS)))
        if hasattr(self._model, "predict_proba"):
            found = self._model.predict_proba(rows)
        else:
            found = _softmax(self._model.decision_function(rows))
        out[:, self._model.classes_] = found
        return out


def _one_hot(examples: Examples) -> Examples:
    x, labels = examples
    return x, np.eye(len(EMOTIONS), dtype=np.float32)[labels]


def _softmax(scores: Array) -> Array:
    if scores.ndim == 1:  # of two classes there is one score, the second's
        scores = np.stack([-scores, scores], axis=1)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
