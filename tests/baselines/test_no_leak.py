"""What is tested on has no part in what is learnt."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from helpers.baseline_corpus import catalogue, clip, settings
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from avemo.baselines import variants
from avemo.baselines.clips import Clips
from avemo.baselines.job import prepare_job
from avemo.baselines.learners import Probabilities
from avemo.baselines.train import TrainedVariant, train
from avemo.features.arrays import Array
from avemo.features.spec import FeatureSpec

SPEC = FeatureSpec(extractor="vggish", version=1, settings={})
ROWS = catalogue(range(1, 13), channels=(1,))
#: an SVM is given what these are, and takes long over clips that mean nothing
QUICK = [variant for variant in variants.variants_of("vggish-ml") if "svm" not in variant.name]


def clips(name: str = "vggish") -> Clips:
    arrays = {
        array: {name: clip(name, 16, kind) for name in ROWS["performance"]}
        for array, kind in (("vggish", "float32"), ("vggish_pca", "uint8"))
    }
    return Clips({"vggish": SPEC}, arrays)


def answers(
    system: str, variant: variants.Variant, features: Clips, fold: int = 2
) -> tuple[TrainedVariant, list[Probabilities]]:
    """Return a fold's model, and its probabilities on the validation and on the test part."""
    options = settings()
    data = prepare_job(system, "speech", "actor", options, ROWS, features).rounds[fold]
    parts = {part: data.part(part) for part in ("train", "valid", "test")}
    trained = train(variant, parts["train"], parts["valid"], options, lambda figures: None)
    return trained, [trained.probabilities(parts[part]) for part in ("valid", "test")]


def with_another_test_part(features: Clips, draw: np.random.Generator, fold: int = 2) -> Clips:
    """Return the clips with others, of other lengths, in the fold's test part."""
    tested = [name for name in ROWS["performance"] if (int(name[-2:]) - 1) // 2 % 6 + 1 == fold]
    arrays: dict[str, dict[str, Array]] = {}
    for array, by_performance in features.arrays.items():
        kind = next(iter(by_performance.values())).dtype
        others = {
            name: draw.integers(0, 256, (int(draw.integers(1, 40)), 16)).astype(kind)
            for name in tested
        }
        arrays[array] = by_performance | others
    return replace(features, arrays=arrays)


@cache
def unaltered(name: str) -> tuple[TrainedVariant, list[Probabilities]]:
    """Return what `answers` does for a variant of `vggish-ml`, on the clips as they are."""
    (variant,) = [it for it in variants.variants_of("vggish-ml") if it.name == name]
    return answers("vggish-ml", variant, clips())


@hypothesis(max_examples=6, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(QUICK))
@pytest.mark.slow
def test_test_clips_alter_neither_preparation_nor_model(
    seed: int, variant: variants.Variant
) -> None:
    trained, (valid, _) = unaltered(variant.name)
    other = with_another_test_part(clips(), np.random.default_rng(seed))
    again, (same, _) = answers("vggish-ml", variant, other)
    ((_, view),), ((_, other_view),) = trained.views.items(), again.views.items()
    assert other_view.rows == view.rows
    np.testing.assert_array_equal(other_view.mean, view.mean)
    np.testing.assert_array_equal(other_view.deviation, view.deviation)
    np.testing.assert_array_equal(same, valid)


@pytest.mark.slow
def test_test_clips_do_not_alter_a_network() -> None:
    (variant, *_) = variants.variants_of("vggish-deep")
    _, (valid, test) = answers("vggish-deep", variant, clips())
    other = with_another_test_part(clips(), np.random.default_rng(1))
    _, (same, different) = answers("vggish-deep", variant, other)
    np.testing.assert_array_equal(same, valid)
    assert not np.array_equal(test, different)


@pytest.mark.parametrize(
    "variant", variants.variants_of("vggish-ml"), ids=lambda variant: variant.name
)
def test_every_variant_answers_for_a_clip_not_for_a_second(variant: variants.Variant) -> None:
    _, (valid, test) = unaltered(variant.name)
    assert valid.shape == test.shape == (16, 8)
    np.testing.assert_allclose(test.sum(axis=1), 1)
    assert (test.argmax(axis=1) == np.repeat(np.arange(8), 2)).mean() > 0.5


def test_there_are_as_many_variants_as_the_study_tried() -> None:
    systems = ("lstm", "cnn", "vggish-lstm", "vggish-deep", "vggish-ml")
    assert [len(variants.variants_of(system)) for system in systems] == [1, 1, 2, 6, 18]


@pytest.mark.slow
def test_the_fingerprint_is_of_all_that_the_checkpoints_depend_on() -> None:
    def fingerprint(
        features: Clips | None = None, rows: pd.DataFrame = ROWS, **changes: object
    ) -> str:
        chosen = settings(**changes)
        return prepare_job(
            "vggish-ml", "speech", "actor", chosen, rows, features or clips()
        ).fingerprint

    assert fingerprint() == fingerprint()
    assert fingerprint(channels=["song"]) == fingerprint()
    others = [
        fingerprint(epochs=7),
        fingerprint(with_another_test_part(clips(), np.random.default_rng(1))),
        fingerprint(rows=ROWS[ROWS["actor"].ne("05")]),
        fingerprint(replace(clips(), specs={"vggish": SPEC.model_copy(update={"version": 2})})),
    ]
    assert len({fingerprint(), *others}) == 5
