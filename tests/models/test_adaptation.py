import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.adaptations import small_adaptation
from hypothesis import given
from hypothesis import strategies as st

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.errors import AvemoError
from avemo.models.adaptation import Adaptation, SpeakerStatistics, clip_vector

ADAPTATION = small_adaptation()
UNIFORM = [1 / len(EMOTIONS)] * len(EMOTIONS)
VALID = SpeakerStatistics("s", 2, 1, (1.5, 0.5), (0.25, -3.0)).to_dict()


def features(*position: float) -> dict[str, np.ndarray]:
    return {"mfcc": np.array([position])}


def enrolled(clips: int, offset: tuple[float, float], *, neutral: bool = True) -> SpeakerStatistics:
    """The statistics of clips that lie exactly at a speaker's neutral."""
    at = ADAPTATION.class_means[0] + offset
    probabilities = [float(name == "neutral") for name in EMOTIONS]
    total = ADAPTATION.observe(features(*at), probabilities, neutral)
    for _ in range(clips - 1):
        total = total + ADAPTATION.observe(features(*at), probabilities, neutral)
    return total


numbers = st.floats(-1e6, 1e6)
statistics = st.builds(
    lambda counts, sums: SpeakerStatistics("s", len(counts), 0, tuple(map(float, counts)), sums),
    st.lists(st.just(1), min_size=1, max_size=5),
    st.lists(numbers, min_size=1, max_size=4).map(tuple),
)


@given(statistics)
def test_statistics_survive_json(original: SpeakerStatistics) -> None:
    assert SpeakerStatistics.from_dict(json.loads(json.dumps(original.to_dict()))) == original


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"voice": 1}, "'voice' is no field"),
        ({"space": 3}, "space is no text"),
        ({"clips": 2.0}, "clips is 2.0, a whole number is expected"),
        ({"clips": True}, "clips is True, a whole number is expected"),
        ({"clips": 0, "neutral_clips": 0}, "0 of 0 clips cannot be neutral"),
        ({"neutral_clips": 3}, "3 of 2 clips cannot be neutral"),
        ({"class_counts": [1.5, 1.5]}, "class_counts cannot be of 2 clips"),
        ({"class_counts": [3.0, -1.0]}, "class_counts cannot be of 2 clips"),
        ({"sums": []}, "sums is list, a list of numbers is expected"),
        ({"sums": ["1"]}, "sums holds '1', numbers are expected"),
        ({"sums": [math.nan]}, "sums holds nan, finite numbers are expected"),
    ],
)
def test_what_is_no_statistics_is_refused(change: Mapping[str, object], message: str) -> None:
    with pytest.raises(AvemoError, match=message):
        SpeakerStatistics.from_dict({**VALID, **change})


def test_missing_fields_and_other_values_are_refused() -> None:
    for name in VALID:
        with pytest.raises(AvemoError, match=f"{name} is missing"):
            SpeakerStatistics.from_dict({key: VALID[key] for key in VALID if key != name})
    with pytest.raises(AvemoError, match="list is given, an object is expected"):
        SpeakerStatistics.from_dict([VALID])  # type: ignore[arg-type]


def test_statistics_of_two_spaces_are_not_mixed() -> None:
    other = SpeakerStatistics.from_dict(VALID)
    with pytest.raises(AvemoError, match="cannot be added: enrol all clips with the same version"):
        enrolled(1, (0, 0)) + other
    with pytest.raises(AvemoError, match=r"another version .* enrol the speaker's clips again"):
        ADAPTATION.answer(features(0, 0), UNIFORM, other)
    assert replace(ADAPTATION, origin=np.ones(2)).space != ADAPTATION.space
    assert replace(ADAPTATION, audio_weight=0.5).space == ADAPTATION.space


def test_the_file_holds_the_adaptation(tmp_path: Path) -> None:
    file = tmp_path / "adaptation.npz"
    ADAPTATION.write(file)
    read = Adaptation.read(file)
    assert (read.space, read.classes, read.audio_weight) == (ADAPTATION.space, EMOTIONS, 1.0)
    np.testing.assert_array_equal(read.distances, ADAPTATION.distances)
    content = file.read_bytes()
    for damaged in (b"no archive", b"", content[:-20], content[:200]):
        file.write_bytes(damaged)
        with pytest.raises(AvemoError, match=r"adaptation\.npz holds no adaptation"):
            Adaptation.read(file)


def test_without_statistics_the_answer_is_the_unadapted_one() -> None:
    probabilities = np.random.default_rng(1).dirichlet(np.ones(8))
    answer = ADAPTATION.answer(features(1, 2), probabilities.tolist(), None)
    np.testing.assert_array_equal(answer, probabilities)


def test_class_means_are_estimated_better_with_each_clip() -> None:
    errors, shares = [], []
    for clips in (1, 3, 30, 300):
        speaker = enrolled(clips, (2.0, -1.0))
        means, variances = ADAPTATION.speaker_means(speaker)
        shifts = means - ADAPTATION.class_means
        errors.append(float(np.abs(shifts[0] - [2.0, -1.0]).max()))
        # the other classes follow, less far
        assert (np.abs(shifts[1:]) < np.abs(shifts[0])).all()
        assert (shifts[1:] * [1, -1] > 0).all()
        assert (variances[0] < variances[1]).all()
        shares.append(ADAPTATION.known_share(speaker))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.01
    assert [0, *shares, 1] == sorted([0, *shares, 1])


def test_a_clip_whose_emotion_is_guessed_counts_as_less() -> None:
    known, guessed = enrolled(2, (3.0, 0.0)), enrolled(2, (3.0, 0.0), neutral=False)
    shifts = [ADAPTATION.speaker_means(speaker)[0] for speaker in (known, guessed)]
    far, near = (shift[0] - ADAPTATION.class_means[0] for shift in shifts)
    assert 0 < near[0] < far[0]


def test_class_means_are_those_of_the_joint_normal_distribution() -> None:
    random = np.random.default_rng(3)
    counts = np.array([2.0, 0, 1, 0, 0, 4, 0, 0])
    sums = random.normal(size=(8, 2)) * counts[:, None]
    speaker = SpeakerStatistics(
        ADAPTATION.space, 7, 0, tuple(counts.tolist()), tuple(sums.ravel().tolist())
    )
    means, variances = ADAPTATION.speaker_means(speaker)
    observed = counts > 0
    for j in range(2):
        prior = ADAPTATION.speaker_variance[j] + ADAPTATION.class_variance[j] * np.eye(8)
        noise = np.diag(1 / counts[observed])
        gain = prior[:, observed] @ np.linalg.inv(prior[np.ix_(observed, observed)] + noise)
        residual = sums[observed, j] / counts[observed] - ADAPTATION.class_means[observed, j]
        np.testing.assert_allclose(means[:, j], ADAPTATION.class_means[:, j] + gain @ residual)
        covariance = prior - gain @ prior[observed]
        np.testing.assert_allclose(variances[:, j], np.diag(covariance))


def test_what_is_usual_for_a_speaker_counts_as_neutral() -> None:
    offset = (4.0, 3.0)
    clip = features(*(ADAPTATION.class_means[0] + offset))
    speaker = enrolled(10, offset)
    adapted = ADAPTATION.answer(clip, UNIFORM, speaker)
    assert adapted.sum() == pytest.approx(1)
    stranger = ADAPTATION.answer(clip, UNIFORM, enrolled(10, (-4.0, -3.0)))
    assert adapted[0] > stranger[0]


def test_a_clip_of_another_speaker_lies_far() -> None:
    speaker = enrolled(10, (4.0, 3.0))
    own = features(*(ADAPTATION.class_means[0] + (4.0, 3.0)))
    other = features(*(ADAPTATION.class_means[0] - (4.0, 3.0)))
    neutral = [float(name == "neutral") for name in EMOTIONS]
    assert ADAPTATION.distance(own, neutral, speaker) < 50
    assert ADAPTATION.distance(other, neutral, speaker) == 100


def test_what_it_adapts_to_in_words() -> None:
    neutral, guessed = enrolled(1, (0, 0)), enrolled(14, (0, 0), neutral=False)
    assert ADAPTATION.describe(None) == "none"
    # offsets of the variance 4 and 1, a class's own of 0.5: by hand 0.668 and 0.308 after one clip
    assert ADAPTATION.describe(neutral) == "neutral baseline of 1 clip (49 % of the person known)"
    two = ADAPTATION.describe(neutral + neutral)
    assert two == "neutral baseline of 2 clips (56 % of the person known)"
    assert ADAPTATION.describe(guessed).startswith("unlabelled, 14 clips (")
    both = ADAPTATION.describe(neutral + guessed)
    assert both.startswith("1 of 15 clips neutral, the others unlabelled (")


def test_a_model_without_neutral_takes_no_neutral_clips() -> None:
    model = replace(ADAPTATION, classes=("calm", *EMOTIONS[1:]))
    with pytest.raises(AvemoError, match="tells no neutral from other emotions"):
        model.observe(features(0, 0), UNIFORM, neutral=True)


def test_a_clip_is_its_mean_and_deviation_over_time() -> None:
    np.testing.assert_array_equal(clip_vector(np.array([[1, 2], [3, 6]])), [2, 4, 1, 2])
    np.testing.assert_array_equal(clip_vector(np.array([[1, 2]])), [1, 2])
