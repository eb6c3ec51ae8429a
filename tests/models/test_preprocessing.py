import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avemo.models.preprocessing import ImagePreprocessor, SequencePreprocessor, fit, from_dict


def rows(count, columns=2, first=0):
    """Each row's number in every column."""
    return np.repeat(np.arange(first, first + count, dtype="f")[:, None], columns, axis=1)


def pictures(count, size=(3, 2, 3)):
    """Each picture's number in every pixel."""
    return np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones(size, np.uint8)


def test_mean_deviation_and_length_are_learnt():
    draw = np.random.default_rng(1)
    clips = [draw.normal([3, -1], [2, 0.5], (100 + n, 2)).astype("f") for n in range(11)]
    made = fit(clips)
    together = np.concatenate(clips)
    np.testing.assert_allclose(made.mean, together.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(made.deviation, together.std(axis=0), rtol=1e-5)
    assert made.frames == 109  # long enough for nine clips in ten
    assert made.shape == (109, 2)
    (out,) = made.apply([clips[9]])
    np.testing.assert_allclose(out, (clips[9] - made.mean) / made.deviation, atol=1e-5)


def test_a_constant_column_does_no_harm():
    made = fit([np.full((5, 2), 7, "f")])
    assert np.abs(made.apply([np.full((5, 2), 7, "f")])).max() == 0


@settings(deadline=None)
@given(st.integers(1, 6), st.lists(st.integers(0, 14), min_size=1, max_size=4))
def test_rows_are_cut_about_the_middle_or_filled_up_with_the_mean(frames, lengths):
    made = SequencePreprocessor(frames, [10.0, 20.0], [2.0, 4.0])
    clips = [rows(length) for length in lengths]
    out = made.apply(clips)
    assert (out.shape, out.dtype) == ((len(clips), frames, 2), np.float32)
    for found, clip in zip(out, clips, strict=True):
        kept = found * [2, 4] + [10, 20]  # undone
        inside = min(frames, len(clip))
        before = kept[0, 0] if inside else 0
        after = len(clip) - inside - before
        assert 0 <= after - before <= 1
        np.testing.assert_allclose(kept[:inside], rows(inside, first=before))
        assert (found[inside:] == 0).all()


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(1, 9))
def test_pictures_are_spread_over_those_there_are(count, there):
    made = ImagePreprocessor(count, (3, 2, 3))
    out = made.apply([pictures(there), pictures(1)])
    assert (out.shape, out.dtype) == ((2, count, 3, 2, 3), np.uint8)
    picked = out[0, :, 0, 0, 0].tolist()
    assert picked[0] == 0
    assert picked == sorted(picked)
    assert len(set(picked)) == min(count, there)
    assert np.ptp(np.bincount(picked, minlength=there)) <= 1
    assert (out[1] == 0).all()


def test_as_many_pictures_as_the_longest_clip_has():
    made = fit([pictures(2), pictures(4), pictures(1)])
    assert made == ImagePreprocessor(4, (3, 2, 3))
    assert made.shape == (4, 3, 2, 3)
    np.testing.assert_array_equal(made.apply([pictures(4)])[0], pictures(4))


@pytest.mark.parametrize("clips", [[rows(7), rows(4)], [pictures(2)]], ids=["rows", "pictures"])
def test_what_was_learnt_survives_json(clips):
    made = fit(clips)
    again = from_dict(json.loads(json.dumps(asdict(made))))
    assert again == made
    np.testing.assert_array_equal(again.apply(clips), made.apply(clips))
