"""A version answers for a person who was enrolled with it, by the sums that it keeps of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.adaptations import small_adaptation
from helpers.films import write_film
from helpers.sounds import encoded
from helpers.timed_films import RATE, tone
from helpers.tone_model import HIGH_HZ, LOW_HZ, load_tone_model

from avemo.errors import AvemoError, MediaError
from avemo.inference.adaptation import ADAPTATION_FILE, SpeakerStatistics
from avemo.inference.recogniser import Recogniser

#: mean and deviation of the tone model's feature
COLUMNS = 60
LOW, HIGH = (encoded(tone(1.0, hz), RATE) for hz in (LOW_HZ, HIGH_HZ))


def load(folder: Path, *, farthest: float = 1e6, sees: bool = False) -> Recogniser:
    """Return a version that adapts; a clip is another speaker's beyond `farthest`."""
    load_tone_model(folder, sees=sees)
    distances = np.linspace(-1e7, farthest, 1001)
    adaptation = replace(small_adaptation(COLUMNS), distances=distances)
    adaptation.write(folder / ADAPTATION_FILE)
    return Recogniser(folder)


@pytest.fixture(scope="module")
def recogniser(tmp_path_factory: pytest.TempPathFactory) -> Recogniser:
    return load(tmp_path_factory.mktemp("version"))


def test_the_answer_is_adapted_and_says_to_what(recogniser: Recogniser) -> None:
    unadapted = recogniser.predict(LOW)
    assert unadapted.adaptation == ""
    assert recogniser.predict(LOW, speaker=None) == unadapted
    baseline = recogniser.enrol(LOW, neutral=True)
    adapted = recogniser.predict(LOW, speaker=baseline + baseline)
    assert adapted.adaptation.startswith("neutral baseline of 2 clips (")
    assert adapted.probabilities != unadapted.probabilities
    assert sum(adapted.probabilities.values()) == pytest.approx(1, abs=1e-5)
    guessed = recogniser.predict(LOW, speaker=recogniser.enrol(LOW) + recogniser.enrol(HIGH))
    assert guessed.adaptation.startswith("unlabelled, 2 clips (")


def test_statistics_pass_through_json(recogniser: Recogniser) -> None:
    baseline = recogniser.enrol(LOW)
    again = SpeakerStatistics.from_dict(baseline.to_dict())
    assert recogniser.predict(HIGH, speaker=again) == recogniser.predict(HIGH, speaker=baseline)


def test_what_cannot_be_heard_is_not_enrolled(recogniser: Recogniser) -> None:
    with pytest.raises(MediaError) as silent:
        recogniser.enrol(encoded(np.zeros(RATE), RATE))
    assert silent.value.finding == "silent"
    with pytest.raises(MediaError) as unreadable:
        recogniser.enrol(b"no recording")
    assert unreadable.value.finding == "unreadable"


def test_statistics_of_another_version_are_refused(recogniser: Recogniser) -> None:
    other = replace(recogniser.enrol(LOW), space="0123456789abcdef")
    with pytest.raises(AvemoError, match="enrolled with another version"):
        recogniser.predict(LOW, speaker=other)


def test_a_version_without_adaptation_says_how_to_get_one(
    recogniser: Recogniser, tmp_path: Path
) -> None:
    plain = load_tone_model(tmp_path)
    with pytest.raises(AvemoError, match=r"cannot adapt to a speaker: .* `dvc repro`"):
        plain.predict(LOW, speaker=recogniser.enrol(LOW))
    with pytest.raises(AvemoError, match="cannot adapt to a speaker"):
        plain.enrol(LOW)


def test_a_clip_far_from_the_speaker_is_a_finding(tmp_path: Path) -> None:
    near = load(tmp_path, farthest=-1e6)
    prediction = near.predict(HIGH, speaker=near.enrol(LOW, neutral=True))
    assert prediction.finding == "other-speaker"
    assert "farther from the speaker's than 100.0 % of other people's clips" in prediction.reason
    assert prediction.adaptation == ""
    assert prediction.evidence.voiced_s > 0


@pytest.mark.slow
def test_a_fused_version_adapts_what_it_hears(tmp_path: Path) -> None:
    film, silent = (write_film(tmp_path / f"{sound}.mp4", sound=sound) for sound in (True, False))
    folder = tmp_path / "version"
    folder.mkdir()
    fused = load(folder, sees=True)
    speaker = fused.enrol(LOW, neutral=True)
    adaptation = fused.predict(film, speaker=speaker).adaptation
    assert adaptation.startswith("neutral baseline of 1 clip (")
    # what is seen alone is nobody's voice
    unheard = fused.predict(silent, speaker=speaker)
    assert unheard == fused.predict(silent)
