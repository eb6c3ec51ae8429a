"""What a system is made of: an array, a view of it and a learner; some systems try several."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

from ..settings import Baselines
from . import cnn, lstm, vggish
from .learners import Classifier, Learner, Network
from .views import Kind

__all__ = ["Variant", "of"]

#: VGGish's two outputs: as they are, and whitened by PCA and rounded to 8 bit
_EMBEDDINGS = {"raw": "vggish", "pca": "vggish_pca"}
_VIEWS: tuple[Kind, ...] = ("averaged", "padded", "seconds")


@dataclass(frozen=True)
class Variant:
    """One way to answer.

    Args:
        name: among the system's variants; empty where it has only one
        array: the features that it takes
        view: how a clip becomes examples
        learner: made anew for each training, from the settings and a seed
        epochs: whether it learns in epochs
    """

    name: str
    array: str
    view: Kind
    learner: Callable[[Baselines, int], Learner]
    epochs: bool = True


def of(system: str) -> list[Variant]:
    """Every variant of a system; where several are equally good, the first is taken."""
    if system == "lstm":
        return [Variant("", "mfcc", "sequence", partial(Network, lstm.build))]
    if system == "cnn":
        return [Variant("", "logmel", "sequence", partial(Network, cnn.build))]
    if system == "vggish-lstm":
        return [
            Variant(name, array, "sequence", partial(Network, lstm.build))
            for name, array in _EMBEDDINGS.items()
        ]
    if system == "whisper-linear":
        return [Variant("", "whisper_stats", "averaged", partial(_classifier, "logistic"), False)]
    ways = list(product(_EMBEDDINGS.items(), _VIEWS))
    if system == "vggish-deep":
        return [
            Variant(f"{name} {view}", array, view, partial(Network, vggish.build))
            for (name, array), view in ways
        ]
    return [
        Variant(f"{name} {view} {kind}", array, view, partial(_classifier, kind), epochs=False)
        for (name, array), view in ways
        for kind in ("neighbours", "svm", "tree")
    ]


def _classifier(kind: str, options: Baselines, seed: int) -> Learner:
    """With scikit-learn's defaults, for the study left no others; the logistic one is not its."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import LinearSVC
    from sklearn.tree import DecisionTreeClassifier

    made: dict[str, Callable[[], Any]] = {
        "neighbours": KNeighborsClassifier,
        "svm": lambda: LinearSVC(random_state=seed),
        "logistic": lambda: LogisticRegression(C=0.001, max_iter=1000),
        "tree": lambda: DecisionTreeClassifier(random_state=seed),
    }
    return Classifier(made[kind]())
