from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pytest
import yaml
from helpers.sounds import voice
from helpers.whisper_file import write
from pydantic import ValidationError

from avemo.config import load_settings
from avemo.errors import SettingsError
from avemo.features.arrays import Arrays, Sound
from avemo.features.audio.dsp.augment import add_reverb_and_noise, change_speed, shift_pitch
from avemo.features.audio.whisper import Settings, Whisper
from avemo.features.audio.whisper_copies import WhisperCopies
from avemo.features.audio.whisper_speeds import WhisperSpeeds
from avemo.features.extractor import AudioExtractor, AudioSettings
from avemo.features.names import extractor_of
from avemo.paths import SETTINGS_FILE
from avemo.runtime import pretrained_graphs

ROOT = Path(__file__).parents[3]
RATE: Final = 16000
ExtractorClass = type[AudioExtractor[AudioSettings]]
#: of the extractors in params.yaml
Change = Callable[[dict[str, dict[str, object]]], object]
WHISPER_SETTINGS = {"sample_rate": RATE, "voiced_db": 35.0, "step_ms": 60.0}
BASE = WHISPER_SETTINGS | {"model": "base"}
SETTINGS: dict[ExtractorClass, AudioSettings] = {
    WhisperSpeeds: WhisperSpeeds.settings_class.model_validate(WHISPER_SETTINGS | {"speed": 0.1}),
    WhisperCopies: WhisperCopies.settings_class.model_validate(
        WHISPER_SETTINGS | {"semitones": 2.0, "snr_db": 30.0, "reverberation_s": 0.3}
    ),
}
#: whose each copy is
COPIES = {
    "slower": "whisper_speeds",
    "faster": "whisper_speeds",
    "lower": "whisper_copies",
    "higher": "whisper_copies",
    "noisy": "whisper_copies",
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    file = write(tmp_path_factory.mktemp("weights") / "model.safetensors")
    return {"whisper_tiny_en": pretrained_graphs.get("whisper_tiny_en", file)}


def extracted(sound: Sound, weights: dict[str, Path]) -> Arrays:
    """Both extractors' arrays."""
    speeds, copies = (
        extractor(settings, weights).extract(sound) for extractor, settings in SETTINGS.items()
    )
    return speeds | copies


def tone(seconds: float = 1.0, hz: float = 440.0) -> Sound:
    return (0.3 * np.sin(2 * np.pi * hz * np.arange(round(RATE * seconds)) / RATE)).astype("f")


def spoken(seconds: float = 1.0) -> Sound:
    return voice(RATE, seconds).astype("f")


def in_room(sound: Sound, snr_db: float = 20.0, reverberation_s: float = 0.3) -> Sound:
    return add_reverb_and_noise(
        sound, RATE, snr_db=snr_db, reverberation_s=reverberation_s, voiced_db=35.0
    )


def pitch(sound: Sound) -> float:
    """The loudest frequency, in Hz."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 16 * len(sound)))
    return int(spectrum.argmax()) * RATE / (16 * len(sound))


def level(sound: Sound) -> float:
    return 10 * float(np.log10(np.square(sound, dtype=float).mean()))


@pytest.mark.slow
def test_each_copy_as_whisper_hears_it(weights: dict[str, Path]) -> None:
    sound = spoken()
    features = extracted(sound, weights)
    types = {name: array.dtype.name for name, array in features.items()}
    assert types == WhisperSpeeds.dtypes | WhisperCopies.dtypes
    changed = {
        "slower": change_speed(sound, 0.9),
        "faster": change_speed(sound, 1.1),
        "lower": shift_pitch(sound, RATE, -2),
        "higher": shift_pitch(sound, RATE, 2),
        "noisy": in_room(sound, snr_db=30.0),
    }
    encoder = Whisper(Settings.model_validate(WHISPER_SETTINGS), weights)
    for name, copy in changed.items():
        expected = encoder.extract(copy)["whisper"]
        assert expected.shape[1] == 5 * 384
        np.testing.assert_array_equal(features[f"{COPIES[name]}_{name}"], expected)


@pytest.mark.slow
def test_slower_has_more_steps_and_faster_fewer(weights: dict[str, Path]) -> None:
    features = extracted(tone(1.8), weights)
    steps = {name.rpartition("_")[2]: len(array) for name, array in features.items()}
    assert steps == {"slower": 34, "faster": 28, "lower": 30, "higher": 30, "noisy": 30}


@pytest.mark.parametrize("samples", [1, 2, 319, RATE * 3 // 10])
def test_a_short_clip_and_silence(samples: int, weights: dict[str, Path]) -> None:
    for sound in (spoken()[RATE // 2 :][:samples], np.zeros(samples, "f")):
        for copy in extracted(sound, weights).values():
            assert 1 <= len(copy) <= 6
            assert np.isfinite(copy).all()


def test_silence_around_it_stays_outside_of_what_is_only_changed(weights: dict[str, Path]) -> None:
    sound = np.concatenate([np.zeros(RATE, "f"), spoken(0.9), np.zeros(RATE, "f")])
    features = extracted(sound, weights)
    for name in ("slower", "faster", "lower", "higher"):
        assert 10 <= len(features[f"{COPIES[name]}_{name}"]) <= 20
    assert all(np.isfinite(copy).all() for copy in features.values())


@pytest.mark.parametrize("speed", [0.9, 1.1])
def test_speed(speed: float) -> None:
    features = change_speed(tone(), speed)
    assert features.dtype == np.float32
    assert len(features) == pytest.approx(RATE / speed, abs=1)
    assert pitch(features) == pytest.approx(440 * speed, rel=0.002)
    assert level(features) == pytest.approx(level(tone()), abs=0.2)


@pytest.mark.parametrize("semitones", [-2.0, 2.0])
@pytest.mark.parametrize("samples", [RATE, 12345])
def test_pitch(semitones: float, samples: int) -> None:
    sound = tone()[:samples]
    features = shift_pitch(sound, RATE, semitones)
    assert (features.dtype, features.shape) == (np.dtype(np.float32), sound.shape)
    assert pitch(features) == pytest.approx(440 * 2 ** (semitones / 12), rel=0.005)
    assert level(features) == pytest.approx(level(sound), abs=1)


def test_the_noise_is_drawn_by_the_sound() -> None:
    sound = spoken()
    features = in_room(sound)
    assert (features.dtype, features.shape) == (np.dtype(np.float32), sound.shape)
    in_room(tone())
    np.testing.assert_array_equal(in_room(sound.copy()), features)
    other = in_room(sound * np.float32(1.01)) - in_room(sound * np.float32(1.01), 200)
    assert abs(np.corrcoef(other, features - in_room(sound, 200))[0, 1]) < 0.5


@pytest.mark.parametrize("snr_db", [0.0, 20.0])
def test_how_loud_the_noise_is(snr_db: float) -> None:
    sound = np.concatenate([np.zeros(RATE, "f"), tone(), np.zeros(2 * RATE, "f")])
    noise = in_room(sound, snr_db) - in_room(sound, 200.0)
    assert level(tone()) - level(noise) == pytest.approx(snr_db, abs=0.1)


def test_the_noise_has_as_much_in_each_octave() -> None:
    sound = tone(4.0)
    power = np.abs(np.fft.rfft(in_room(sound, 0.0) - in_room(sound, 200.0))) ** 2
    hz = np.arange(len(power)) * RATE / len(sound)
    octaves = [power[(hz >= low) & (hz < 2 * low)].sum() for low in (125, 500, 2000, 4000)]
    assert np.ptp(10 * np.log10(octaves)) < 2


def test_the_room_s_echo_follows_the_sound_and_fades() -> None:
    click = np.zeros(RATE, "f")
    click[4000] = 0.5
    features = in_room(click, 200.0, 0.3)
    assert np.abs(features[:4000]).max() < 1e-6
    assert features[4000] == pytest.approx(0.5, abs=1e-6)
    echo = features[4001 : 4001 + 4800]
    assert np.square(echo).sum() / 0.25 == pytest.approx(0.25, rel=0.001)
    early, late = level(echo[:800]), level(echo[-800:])
    assert early - late == pytest.approx(50, abs=3)  # 60 dB in 0.3 s, over 0.25 s
    assert np.abs(features[4001 + 4800 :]).max() < 1e-6


@pytest.mark.parametrize(("copy", "extractor"), COPIES.items())
def test_whose_array_it_is(copy: str, extractor: str) -> None:
    assert extractor_of(f"{extractor}_{copy}") == extractor


def written(folder: Path, change: Change) -> Path:
    """The project's own settings, with changes to its extractors."""
    content = yaml.safe_load((ROOT / SETTINGS_FILE).read_text(encoding="utf-8"))
    change(content["extractors"])
    (folder / SETTINGS_FILE).write_text(yaml.safe_dump(content), encoding="utf-8")
    return folder


def test_the_project_s_own_copies_are_as_whisper_hears() -> None:
    extractors = load_settings(ROOT).extractors
    assert extractors["whisper"].model_dump() == WHISPER_SETTINGS
    assert extractors["whisper_speeds"] == SETTINGS[WhisperSpeeds]
    assert extractors["whisper_copies"] == SETTINGS[WhisperCopies]


@pytest.mark.parametrize("name", ["whisper_speeds", "whisper_copies"])
def test_whisper_without_copies(tmp_path: Path, name: str) -> None:
    folder = written(tmp_path, lambda extractors: extractors.pop(name))
    assert name not in load_settings(folder).extractors


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda extractors: extractors.pop("whisper"),
            "whisper_speeds needs whisper, which is missing",
        ),
        (
            lambda extractors: extractors["whisper"].update(step_ms=40.0),
            "whisper_speeds.step_ms is 60.0, whisper's is 40.0: make them the same",
        ),
        (
            lambda extractors: extractors["whisper"].update(model="base"),
            "whisper_speeds.model is tiny.en, whisper's is base: make them the same",
        ),
        (
            lambda extractors: extractors["whisper_copies"].update(voiced_db=30.0),
            "whisper_copies.voiced_db is 30.0, whisper's is 35.0: make them the same",
        ),
        (
            lambda extractors: extractors.update(whisper_base_speeds=BASE | {"speed": 0.1}),
            "whisper_base_speeds needs whisper_base, which is missing",
        ),
        (
            lambda extractors: extractors.update(
                whisper_base=BASE | {"model": "base.en"}, whisper_base_speeds=BASE | {"speed": 0.1}
            ),
            "whisper_base_speeds.model is base, whisper_base's is base.en: make them the same",
        ),
    ],
)
def test_copies_of_what_whisper_does_not_hear(tmp_path: Path, change: Change, message: str) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(written(tmp_path, change))
    assert str(error.value).startswith(f"{SETTINGS_FILE}: extractors: {message}")


@pytest.mark.parametrize(
    ("extractor", "change", "message"),
    [
        (WhisperSpeeds, {"speed": 0.0}, "greater than 0"),
        (WhisperSpeeds, {"speed": 0.6}, "less than or equal to 0.5"),
        (WhisperSpeeds, {"semitones": 2.0}, "Extra inputs"),
        (WhisperCopies, {"semitones": 13.0}, "less than or equal to 12"),
        (WhisperCopies, {"snr_db": -1.0}, "greater than or equal to 0"),
        (WhisperCopies, {"snr_db": float("nan")}, "less than or equal to 60"),
        (WhisperCopies, {"reverberation_s": 0.0}, "greater than or equal to 0.01"),
        (WhisperCopies, {"sample_rate": 8000}, "Input should be 16000"),
    ],
)
def test_wrong_settings(extractor: ExtractorClass, change: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        extractor.settings_class.model_validate({**SETTINGS[extractor].model_dump(), **change})
