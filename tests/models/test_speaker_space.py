import numpy as np
import pytest
from helpers.drawn_speakers import CLASSES, draw_clips

from avemo.errors import AvemoError
from avemo.models.speaker_space import fit_space


def test_the_space_has_the_directions_that_tell_classes_apart() -> None:
    clips = draw_clips(speakers=60, offset=3.0)
    space = fit_space(clips, CLASSES, "prosody_stats")
    assert space.projection.shape == (4, 2)
    assert space.class_means.shape == (3, 2)
    # the other two columns tell speakers apart, too, and are left out
    used = np.abs(space.projection).sum(axis=1)
    assert used[:2].min() > 4 * used[2:].max()


@pytest.mark.slow
def test_variances_are_found_again() -> None:
    space = fit_space(draw_clips(speakers=80, offset=3.0), CLASSES, "prosody_stats")
    # shrinkage takes a fifth towards the mean of the four columns, which are alike
    np.testing.assert_allclose(space.speaker_variance, 9.0, rtol=0.3)
    assert space.class_variance.max() < 0.5
    positions = draw_clips(speakers=80).vectors @ space.projection - space.origin
    own = np.array(
        [positions[at : at + 4].var(axis=0, ddof=1) for at in range(0, len(positions), 4)]
    )
    np.testing.assert_allclose(own.mean(axis=0), 1.0, rtol=0.2)


def test_speakers_who_say_each_emotion_once_are_enough() -> None:
    space = fit_space(draw_clips(speakers=12, each=1), CLASSES, "prosody_stats")
    assert np.isfinite(space.projection).all()
    assert (space.class_variance > 0).all()


def test_a_speaker_may_lack_an_emotion() -> None:
    clips = draw_clips()
    some = ~((clips.speakers == "s03") & (clips.labels == 1))
    space = fit_space(clips.where(some), CLASSES, "prosody_stats")
    complete = fit_space(clips, CLASSES, "prosody_stats")
    np.testing.assert_allclose(space.speaker_variance, complete.speaker_variance, rtol=0.3)


def test_too_little_is_refused() -> None:
    clips = draw_clips()
    with pytest.raises(AvemoError, match="6 speakers are needed, and there are 5"):
        fit_space(draw_clips(speakers=5), CLASSES, "prosody_stats")
    with pytest.raises(AvemoError, match="there is no clip of angry"):
        fit_space(clips.where(clips.labels != 2), CLASSES, "prosody_stats")
