"""What a system consists of: arrays, a view of each and a learner; some systems have several."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

from ..settings import Baselines
from . import cnn, dense, face, lstm, modules
from .learners import AveragedNetworks, Classifier, Learner, Network
from .views import ViewKind

__all__ = ["Variant", "arrays_of", "variants_of"]

#: VGGish's two outputs: as they are, and whitened by PCA and rounded to 8 bit
_EMBEDDINGS = {"raw": "vggish", "pca": "vggish_pca"}
_VIEWS: tuple[ViewKind, ...] = ("averaged", "padded", "seconds")


@dataclass(frozen=True)
class Variant:
    """One way to predict.

    Args:
        name: among the system's variants; empty where it has only one
        views: by the array that it takes, how a clip becomes examples; where there are several, an
            example of each is a clip
        learner: makes a new one for each training, from the settings, a seed and how many emotions
            there are
        networks: how many learn in epochs, one after the other
    """

    name: str
    views: dict[str, ViewKind]
    learner: Callable[[Baselines, int, int], Learner]
    networks: int = 1


def variants_of(system: str) -> list[Variant]:
    """Return every variant of a system; where several are equally good, the first wins."""
    if system in _SINGLE_VARIANTS:
        return [_SINGLE_VARIANTS[system]]
    if system == "face-cnn":
        kinds: tuple[ViewKind, ...] = ("grey", "colour")
        return [Variant(kind, {"crops": kind}, partial(Network, face.build)) for kind in kinds]
    if system == "vggish-lstm":
        return [
            Variant(name, {array: "sequence"}, partial(Network, lstm.build))
            for name, array in _EMBEDDINGS.items()
        ]
    inputs = list(product(_EMBEDDINGS.items(), _VIEWS))
    if system == "vggish-deep":
        return [
            Variant(f"{name} {view}", {array: view}, partial(Network, dense.build))
            for (name, array), view in inputs
        ]
    return [
        Variant(f"{name} {view} {kind}", {array: view}, partial(_classifier, kind), networks=0)
        for (name, array), view in inputs
        for kind in ("neighbours", "svm", "tree")
    ]


def arrays_of(system: str) -> list[str]:
    """Return every array that one of a system's variants takes."""
    return list(dict.fromkeys(array for variant in variants_of(system) for array in variant.views))


def _classifier(kind: str, options: Baselines, seed: int, classes: int) -> Learner:
    """Return a classifier with scikit-learn's defaults, because the study left no others.

    The logistic one is not the study's.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import LinearSVC
    from sklearn.tree import DecisionTreeClassifier

    estimators: dict[str, Callable[[], Any]] = {
        "neighbours": KNeighborsClassifier,
        "svm": lambda: LinearSVC(random_state=seed),
        "logistic": lambda: LogisticRegression(C=0.001, max_iter=1000),
        "tree": lambda: DecisionTreeClassifier(random_state=seed),
    }
    return Classifier(estimators[kind](), classes)


#: the systems of a single variant; the study's fused ones saw a grey picture
_SINGLE_VARIANTS = {
    "lstm": Variant("", {"mfcc": "sequence"}, partial(Network, lstm.build)),
    "cnn": Variant("", {"logmel": "sequence"}, partial(Network, cnn.build)),
    "whisper-linear": Variant(
        "", {"whisper_stats": "averaged"}, partial(_classifier, "logistic"), 0
    ),
    "face-vgg16": Variant("", {"backbone": "averaged"}, partial(Network, dense.build)),
    "av-modules": Variant(
        "", {"mfcc": "sequence", "crops": "grey"}, partial(Network, modules.build)
    ),
    "av-features": Variant(
        "", {"mfcc": "statistics", "crops": "grey"}, partial(Network, dense.build)
    ),
    "av-outputs": Variant(
        "",
        {"mfcc": "sequence", "crops": "grey"},
        partial(AveragedNetworks, (lstm.build, face.build)),
        networks=2,
    ),
}
