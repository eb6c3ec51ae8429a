"""What learns from examples: Keras networks, or a classifier of scikit-learn's."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..settings import Baselines
from ..threads import single_threaded

if TYPE_CHECKING:
    import keras

__all__ = [
    "AveragedNetworks",
    "Classifier",
    "Examples",
    "Inputs",
    "Learner",
    "Network",
    "OnEpoch",
    "Probabilities",
]

#: a row an example or a clip [shape=(rows, emotions)]
Probabilities = NDArray[np.floating]
#: one array [shape=(examples, ...)] for each type of input
Inputs = list[NDArray[np.float32]]
#: inputs, and the emotions' places among the classes [shape=(examples,)]
Examples = tuple[Inputs, NDArray[np.integer]]
#: is called with an epoch's figures
OnEpoch = Callable[[dict[str, float]], None]
#: from the shape of an example of each input, and how many emotions there are, to a network
Build = Callable[..., "keras.Model"]


class Learner(Protocol):
    """Learns once, then predicts."""

    def fit(self, train: Examples, valid: Examples, on_epoch: OnEpoch) -> pd.DataFrame:
        """Learn, and return one row an epoch, with its number and figures, or none."""
        ...

    def probabilities(self, x: Inputs) -> Probabilities:
        """Return each example's probabilities [shape=(examples, emotions)]."""
        ...


class Network:
    """Adam, a learning rate that falls where the validation loss stays, the best epoch's weights.

    Args:
        build: from the shape of an example of each input to a Keras model
        options: `baselines` in params.yaml
        seed: of the weights and of the order of batches
        classes: how many emotions there are
    """

    def __init__(self, build: Build, options: Baselines, seed: int, classes: int):
        self._build = build
        self._options = options
        self._seed = seed
        self._classes = classes

    def fit(self, train: Examples, valid: Examples, on_epoch: OnEpoch) -> pd.DataFrame:
        """Learn; each clip weighs the same, as in the study."""
        import keras

        from ..models.layers.uar import UAR
        from ..training.fit import make_deterministic

        keras.backend.clear_session()
        make_deterministic(self._seed)
        patience = self._options.patience
        self._model = self._build(*(x.shape[1:] for x in train[0]), classes=self._classes)
        self._model.compile("adam", "categorical_crossentropy", metrics=[UAR(self._classes)])
        history = self._model.fit(
            *_one_hot(train, self._classes),
            validation_data=_one_hot(valid, self._classes),
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
        epochs = pd.DataFrame(history.history)
        epochs.insert(0, "epoch", range(1, len(epochs) + 1))
        return epochs

    def probabilities(self, x: Inputs) -> Probabilities:
        """Return each example's probabilities [shape=(examples, emotions)]."""
        return np.asarray(self._model.predict(x, batch_size=64, verbose=0))


class AveragedNetworks:
    """A network for each input, each trained by itself; their probabilities' mean.

    Args:
        builds: for each input, see `Network`
        options: `baselines` in params.yaml
        seed: of each
        classes: how many emotions there are
    """

    def __init__(self, builds: Sequence[Build], options: Baselines, seed: int, classes: int):
        self._networks = [Network(build, options, seed, classes) for build in builds]

    def fit(self, train: Examples, valid: Examples, on_epoch: OnEpoch) -> pd.DataFrame:
        """Learn; the epochs of one network after those of the other."""
        histories = [
            network.fit(([x], train[1]), ([x_valid], valid[1]), on_epoch)
            for network, x, x_valid in zip(self._networks, train[0], valid[0], strict=True)
        ]
        history = pd.concat(histories, ignore_index=True)
        return history.assign(epoch=range(1, len(history) + 1))

    def probabilities(self, x: Inputs) -> Probabilities:
        """Return each example's mean probabilities [shape=(examples, emotions)]."""
        pairs = zip(self._networks, x, strict=True)
        return np.asarray(sum(network.probabilities([rows]) for network, rows in pairs) / len(x))


class Classifier:
    """One of scikit-learn's, which takes a single input.

    Args:
        model: predicts probabilities, or a score an emotion, which a softmax turns into
            probabilities without changing the order of the emotions
        classes: how many emotions there are
    """

    def __init__(self, model: Any, classes: int) -> None:
        self._model = model
        self._classes = classes

    def fit(self, train: Examples, valid: Examples, on_epoch: OnEpoch) -> pd.DataFrame:
        """Learn, in one go; the validation part serves the choice among variants alone."""
        (x,), labels = train
        # on threads that wait for each other, a busy machine takes thirty times as long
        with single_threaded():
            self._model.fit(x, labels)
        on_epoch({})
        return pd.DataFrame()

    def probabilities(self, x: Inputs) -> Probabilities:
        """Return each example's probabilities; zero for what the training part did not hold."""
        (rows,) = x
        probabilities = np.zeros((len(rows), self._classes))
        probabilities[:, self._model.classes_] = (
            self._model.predict_proba(rows)
            if hasattr(self._model, "predict_proba")
            else _softmax(self._model.decision_function(rows))
        )
        return probabilities


def _one_hot(examples: Examples, classes: int) -> tuple[Inputs, NDArray[np.float32]]:
    x, labels = examples
    return x, np.eye(classes, dtype=np.float32)[labels]


def _softmax(scores: NDArray[np.floating]) -> Probabilities:
    if scores.ndim == 1:  # of two classes there is one score, the second's
        scores = np.stack([-scores, scores], axis=1)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
