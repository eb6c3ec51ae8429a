import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from avemo.features.arrays import Array
from avemo.models.preprocessing import ImagePreprocessor, SequencePreprocessor, fit, from_dict


def rows(count: int, columns: int = 2, first: int = 0) -> NDArray[np.float32]:
    """Each row's number in every column."""
    return np.repeat(np.arange(first, first + count, dtype="f")[:, None], columns, axis=1)


def images(count: int, size: tuple[int, ...] = (3, 2, 3)) -> NDArray[np.uint8]:
    """Each image's number in every pixel."""
    return np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones(size, np.uint8)


def test_mean_deviation_and_length_are_fitted() -> None:
    draw = np.random.default_rng(1)
    clips = [draw.normal([3, -1], [2, 0.5], (100 + n, 2)).astype("f") for n in range(11)]
    preprocessor = fit(clips)
    assert isinstance(preprocessor, SequencePreprocessor)
    joined = np.concatenate(clips)
    np.testing.assert_allclose(preprocessor.mean, joined.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(preprocessor.deviation, joined.std(axis=0), rtol=1e-5)
    assert preprocessor.frames == 109  # long enough for nine clips in ten
    assert preprocessor.shape == (109, 2)
    (out,) = preprocessor.apply([clips[9]])
    np.testing.assert_allclose(
        out, (clips[9] - preprocessor.mean) / preprocessor.deviation, atol=1e-5
    )


def test_a_constant_column_does_no_harm() -> None:
    preprocessor = fit([np.full((5, 2), 7, "f")])
    assert np.abs(preprocessor.apply([np.full((5, 2), 7, "f")])).max() == 0


@settings(deadline=None)
@given(st.integers(1, 6), st.lists(st.integers(0, 14), min_size=1, max_size=4))
def test_rows_are_cropped_about_the_middle_or_padded_with_the_mean(
    frames: int, lengths: list[int]
) -> None:
    preprocessor = SequencePreprocessor(frames, [10.0, 20.0], [2.0, 4.0])
    clips = [rows(length) for length in lengths]
    out = preprocessor.apply(clips)
    assert (out.shape, out.dtype) == ((len(clips), frames, 2), np.dtype(np.float32))
    for padded, clip in zip(out, clips, strict=True):
        restored = padded * [2, 4] + [10, 20]
        used = min(frames, len(clip))
        before = restored[0, 0] if used else 0
        after = len(clip) - used - before
        assert 0 <= after - before <= 1
        np.testing.assert_allclose(restored[:used], rows(used, first=before))
        assert (padded[used:] == 0).all()


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(1, 9))
def test_images_are_spread_evenly_over_the_clip(count: int, length: int) -> None:
    preprocessor = ImagePreprocessor(count, (3, 2, 3))
    out = preprocessor.apply([images(length), images(1)])
    assert (out.shape, out.dtype) == ((2, count, 3, 2, 3), np.dtype(np.uint8))
    indices = out[0, :, 0, 0, 0].tolist()
    assert indices[0] == 0
    assert indices == sorted(indices)
    assert len(set(indices)) == min(count, length)
    assert np.ptp(np.bincount(indices, minlength=length)) <= 1
    assert (out[1] == 0).all()


def test_as_many_images_as_the_longest_clip_has() -> None:
    preprocessor = fit([images(2), images(4), images(1)])
    assert preprocessor == ImagePreprocessor(4, (3, 2, 3))
    assert preprocessor.shape == (4, 3, 2, 3)
    np.testing.assert_array_equal(preprocessor.apply([images(4)])[0], images(4))


@pytest.mark.parametrize("clips", [[rows(7), rows(4)], [images(2)]], ids=["rows", "images"])
def test_a_preprocessor_is_read_as_it_was_written(clips: list[Array]) -> None:
    preprocessor = fit(clips)
    read = from_dict(json.loads(json.dumps(asdict(preprocessor))))
    assert read == preprocessor
    np.testing.assert_array_equal(read.apply(clips), preprocessor.apply(clips))
