from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers.probabilities import PROBABILITIES
from hypothesis import assume, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.evaluation import calibration, metrics

CLASSES = len(EMOTIONS)
temperatures = st.floats(0.05, 20)


@st.composite
def probabilities(draw: st.DrawFn, smallest: float = 0.0) -> NDArray[np.float64]:
    """Some rows of probabilities, some of them zero."""
    shape = (draw(st.integers(1, 6)), CLASSES)
    values = draw(arrays.arrays(float, shape, elements=st.floats(smallest, 1)))
    assume((values.sum(axis=1) > 0.1).all())
    return np.asarray(values / values.sum(axis=1, keepdims=True))


def table(probabilities: NDArray[np.float64], true: Any) -> pd.DataFrame:
    made = pd.DataFrame(probabilities, columns=PROBABILITIES)
    return made.assign(true=np.array(EMOTIONS)[true], performance=range(len(true)))


def drawn(seed: int, rows: int = 4000) -> Any:
    """Honest probabilities, and emotions drawn from them."""
    random = np.random.default_rng(seed)
    honest = random.dirichlet(np.full(CLASSES, 0.5), rows) * 0.99 + 0.01 / CLASSES
    true = (honest.cumsum(axis=1) < random.random((rows, 1))).sum(axis=1).clip(max=CLASSES - 1)
    return honest, true


@given(probabilities(), temperatures)
def test_the_order_of_a_row_s_stays_and_its_sum(
    before: NDArray[np.float64], temperature: float
) -> None:
    after = calibration.apply_temperature(before, temperature)
    np.testing.assert_allclose(after.sum(axis=1), 1)
    assert (np.diff(np.take_along_axis(after, before.argsort(axis=1), axis=1)) >= 0).all()


@given(probabilities())
def test_a_temperature_of_one_changes_nothing(before: NDArray[np.float64]) -> None:
    np.testing.assert_allclose(calibration.apply_temperature(before, 1.0), before, atol=1e-6)


@given(probabilities(smallest=0.01), temperatures)
def test_more_than_one_is_less_sure(before: NDArray[np.float64], temperature: float) -> None:
    surest = before.max(axis=1)
    after = calibration.apply_temperature(before, temperature).max(axis=1)
    assert ((after <= surest + 1e-9) if temperature >= 1 else (after >= surest - 1e-9)).all()


@given(probabilities(smallest=0.05), st.floats(0.5, 3))
def test_it_can_be_undone(before: NDArray[np.float64], temperature: float) -> None:
    sharper = calibration.apply_temperature(before, 1 / temperature)
    np.testing.assert_allclose(
        calibration.apply_temperature(sharper, temperature), before, atol=1e-5
    )


@given(probabilities(), temperatures)
def test_a_table_is_scaled_as_its_probabilities_are(
    before: NDArray[np.float64], temperature: float
) -> None:
    plain = table(before, [0] * len(before))
    kept = plain.copy()
    scaled = calibration.apply_temperature(plain, temperature)
    np.testing.assert_allclose(
        metrics.probabilities(scaled),
        calibration.apply_temperature(before, temperature),
        rtol=1e-12,
    )
    pd.testing.assert_frame_equal(scaled[["true", "performance"]], kept[["true", "performance"]])
    pd.testing.assert_frame_equal(plain, kept)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 1.7, 3.0])
def test_the_temperature_that_answers_were_sharpened_by_is_found(temperature: float) -> None:
    honest, true = drawn(seed=1)
    sharpened = calibration.apply_temperature(honest, 1 / temperature)
    found = calibration.fit_temperature(table(sharpened, true))
    assert found == pytest.approx(temperature, rel=0.06)
    after = calibration.apply_temperature(sharpened, found)
    labels = np.array(EMOTIONS)[true]
    assert metrics.calibration_error(labels, after, EMOTIONS) < 0.03
    if temperature > 1.5:
        assert metrics.calibration_error(labels, sharpened, EMOTIONS) > 0.1


@hypothesis(deadline=None)
@given(probabilities(), st.data())
def test_no_fit_makes_its_own_answers_less_likely(
    before: NDArray[np.float64], data: st.DataObject
) -> None:
    true = data.draw(
        st.lists(st.integers(0, CLASSES - 1), min_size=len(before), max_size=len(before))
    )
    plain = table(before, true)
    found = calibration.fit_temperature(plain)
    assert 0.05 <= found <= 20

    def loss(temperature: float) -> float:
        scaled = calibration.apply_temperature(before, temperature)
        return metrics.log_loss(plain["true"], scaled, EMOTIONS)

    assert loss(found) <= metrics.log_loss(plain["true"], before, EMOTIONS) + 1e-6
    assert loss(found) <= min(loss(other) for other in np.geomspace(0.05, 20, 40)) + 1e-5


def test_answers_that_are_all_right_or_all_wrong_stay_within_bounds() -> None:
    sure = 0.9 * np.eye(CLASSES) + 0.1 / CLASSES
    assert 0.05 <= calibration.fit_temperature(table(sure, range(CLASSES))) < 0.1
    assert 19 < calibration.fit_temperature(table(np.roll(sure, 1, axis=0), range(CLASSES))) <= 20
