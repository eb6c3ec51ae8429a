"""A clip becomes examples by what the training part taught, and by nothing else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from avemo.baselines.views import ViewKind, fit_view

KINDS: tuple[ViewKind, ...] = ("sequence", "averaged", "statistics", "padded", "seconds")


def clips(*lengths: int, columns: int = 2, seed: int = 1) -> list[NDArray[np.float32]]:
    draw = np.random.default_rng(seed)
    return [draw.normal(5, 3, (length, columns)).astype("f") for length in lengths]


@pytest.mark.parametrize(
    ("kind", "shape", "places"),
    [
        ("sequence", (3, 4, 2), [0, 1, 2]),
        ("averaged", (3, 2), [0, 1, 2]),
        ("statistics", (3, 4), [0, 1, 2]),
        ("padded", (3, 12), [0, 1, 2]),
        ("seconds", (12, 2), [0, 0, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2]),
    ],
)
@pytest.mark.parametrize("type_", ["float32", "uint8"])
def test_shapes(kind: ViewKind, shape: tuple[int, ...], places: list[int], type_: str) -> None:
    training_clips = [clip.astype(type_) for clip in clips(2, 3, 7)]
    x, clip_places = fit_view(kind, training_clips).apply(training_clips)
    assert (x.shape, x.dtype, clip_places.tolist()) == (shape, np.dtype(np.float32), places)


def test_rows_are_standardised_by_the_training_part() -> None:
    training_clips = clips(40, 50, 60)
    view = fit_view("seconds", training_clips)
    x, _ = view.apply(training_clips)
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(x.std(axis=0), 1, atol=1e-5)
    more, _ = view.apply([training_clips[0] + 3])
    moved = np.broadcast_to(3 / view.deviation, more.shape)
    np.testing.assert_allclose(more - x[: len(more)], moved, atol=1e-4)


def test_a_column_that_never_varies() -> None:
    training_clips = [np.full((3, 2), 7, np.uint8)]
    for kind in KINDS:
        assert not fit_view(kind, training_clips).apply(training_clips)[0].any()


def test_a_long_clip_is_cut_about_its_middle_and_a_short_one_filled_up() -> None:
    view = fit_view("sequence", clips(3))
    (long,), _ = view.apply([np.arange(14).reshape(7, 2)])
    (middle,), _ = view.apply([np.arange(4, 10).reshape(3, 2)])
    np.testing.assert_array_equal(long, middle)
    (short,), _ = view.apply(clips(2))
    assert short[:2].all()
    assert not short[2:].any()


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None)
@given(
    other=arrays(
        np.float32, st.tuples(st.integers(1, 9), st.just(2)), elements=st.floats(-9, 9, width=32)
    )
)
def test_a_clip_s_example_does_not_depend_on_the_other_clips(
    kind: ViewKind, other: NDArray[np.float32]
) -> None:
    view = fit_view(kind, clips(3, 4, 5))
    (clip,) = clips(6, seed=2)
    alone, _ = view.apply([clip])
    x, places = view.apply([other, clip, other])
    np.testing.assert_array_equal(x[places == 1], alone)


def test_the_middle_face_in_colour_and_in_grey() -> None:
    draw = np.random.default_rng(1)
    pictures = [draw.integers(0, 256, (count, 4, 4, 3), np.uint8) for count in (1, 3, 6)]
    view = fit_view("colour", pictures)
    x, places = view.apply(pictures)
    assert (x.shape, x.dtype, places.tolist()) == ((3, 4, 4, 3), np.dtype(np.float32), [0, 1, 2])
    middle = np.stack([pictures[0][0], pictures[1][1], pictures[2][3]]).astype("f")
    expected = (middle - middle.mean(axis=0)) / middle.std(axis=0)
    np.testing.assert_allclose(x, expected, atol=1e-5)
    grey, _ = fit_view("grey", pictures).apply(pictures)
    light = (middle @ np.array([0.299, 0.587, 0.114], "f"))[..., None]
    np.testing.assert_allclose(grey, (light - light.mean(axis=0)) / light.std(axis=0), atol=1e-5)
