"""Late fusion as a network: where a modality is missing, the other's answer stands."""

from collections.abc import Mapping

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.models.fusion.late import LateFusion
from avemo.models.hypermodel import Architectures
from avemo.models.weighted_product import INITIAL_WEIGHT, combine, fit_weights
from avemo.training.fusion import stacking_preprocessors, weights_of

Inputs = Mapping[str, NDArray[np.float32]]

CLIPS = 6
CLASSES = len(EMOTIONS)
SPACE = Architectures("fused", ["late"], stacking_preprocessors(CLASSES), {}, classes=EMOTIONS)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    return SPACE.build_from({})


def draw_inputs(seed: int, clips: int = CLIPS) -> dict[str, NDArray[np.float32]]:
    """Log probabilities of both modalities."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.full(CLASSES, 0.5), (len(LateFusion.inputs), clips, 1))
    logarithms = np.log(np.maximum(probabilities, 1e-7)).astype("f")
    return dict(zip(LateFusion.inputs, logarithms, strict=True))


def set_weights(network: keras.Model, weights: tuple[float, float]) -> None:
    network.set_weights([np.array(weights, "f")[:, None]])


def side_by_side(inputs: Inputs) -> NDArray[np.float32]:
    return np.stack([inputs[name][:, 0] for name in LateFusion.inputs], axis=2)


WEIGHTS = st.tuples(st.floats(0, 4), st.floats(0, 4))


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), weights=WEIGHTS)
def test_with_both_it_is_the_weighted_product(
    network: keras.Model, seed: int, weights: tuple[float, float]
) -> None:
    set_weights(network, weights)
    inputs = draw_inputs(seed)
    expected = combine(side_by_side(inputs), np.array(weights))
    np.testing.assert_allclose(network(inputs).numpy(), expected, atol=1e-5)


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    weights=WEIGHTS,
    missing=st.lists(st.sampled_from("av-"), min_size=CLIPS, max_size=CLIPS),
)
def test_without_a_modality_the_other_s_answer_stands(
    network: keras.Model, seed: int, weights: tuple[float, float], missing: list[str]
) -> None:
    set_weights(network, weights)
    inputs = draw_inputs(seed)
    expected = combine(side_by_side(inputs), np.array(weights))
    for clip, letter in enumerate(missing):
        if letter != "-":
            lost, present = LateFusion.inputs[:: 1 if letter == "a" else -1]
            inputs[lost][clip] = 0
            expected[clip] = np.exp(inputs[present][clip, 0])
    np.testing.assert_allclose(network(inputs).numpy(), expected, atol=1e-5)


def test_an_unfitted_fusion_has_the_initial_weights() -> None:
    assert weights_of(SPACE.build_from({})) == {"audio": INITIAL_WEIGHT, "visual": INITIAL_WEIGHT}


def test_it_has_one_parameter_a_modality(network: keras.Model) -> None:
    assert network.count_params() == 2


def test_the_solver_fits_the_weights() -> None:
    network = SPACE.build_from({})
    inputs = draw_inputs(1, clips=200)
    labels = np.argmax(inputs[LateFusion.inputs[0]][:, 0], axis=1)
    solver = SPACE.solver_for({})
    assert solver is not None
    solver(network, inputs, labels)
    fitted = weights_of(network)
    assert list(fitted.values()) == pytest.approx(fit_weights(side_by_side(inputs), labels))
    assert fitted["audio"] > 1 > fitted["visual"]


def test_only_late_fusion_has_a_solver() -> None:
    names = ["late", "stacking", "attention", "modules"]
    space = Architectures("fused", names, {}, {}, classes=EMOTIONS)
    solvers = {name: space.solver_for({"architecture": name}) for name in space.names}
    assert [name for name, solver in solvers.items() if solver] == ["late"]
