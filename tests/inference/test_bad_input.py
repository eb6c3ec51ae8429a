"""A model answers the same for one sound in any format, and says what is wrong with what it cannot.

The model is a real one: a network trained for a moment to tell eight pitches apart, packed and
opened as a registered one is.
"""

from pathlib import Path

import numpy as np
import pytest
from helpers.bundles import bundle_config
from helpers.sounds import CODED, PLAIN, encoded, voice
from numpy.typing import NDArray

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.features.audio import logmel, mfcc
from avemo.features.run import extract_audio
from avemo.inference.recogniser import Recogniser, pack
from avemo.media.clip import Media
from avemo.models import bundle, preprocessing

pytestmark = pytest.mark.slow

BAND = {"low_hz": 60.0, "high_hz": 7600.0}
EXTRACTORS = {
    "mfcc": mfcc.Mfcc(
        mfcc.Settings(sample_rate=16000, window_ms=48.0, hop_ms=24.0, coefficients=30, **BAND)
    ),
    "logmel": logmel.LogMel(
        logmel.Settings(sample_rate=16000, window_ms=25.0, hop_ms=10.0, bands=64, **BAND)
    ),
}
LOSSY = {"mp3", "vorbis", "opus", "m4a", "m4a-fast", "adts", "mka", "webm"}
COARSE = {"wav-8", "aiff-8", "flac-8"}


def clip(
    emotion: str, rate: int = 16000, seconds: float = 1.0, level: float = 0.5
) -> NDArray[np.float64]:
    """A sound that the model knows: the voice, and a tone that tells the emotion."""
    time = np.arange(round(rate * seconds)) / rate
    tone = 0.3 * level * np.sin(2 * np.pi * (400 + 350 * EMOTIONS.index(emotion)) * time)
    return voice(rate, seconds, level) + tone * np.sin(np.pi * time / seconds)


ROOM = np.random.default_rng(16000).normal(size=16000) * 0.003
SOUNDS = {name: clip(name) + ROOM for name in ("calm", "fearful")}


@pytest.fixture(scope="module")
def recogniser(tmp_path_factory: pytest.TempPathFactory) -> Recogniser:
    import keras

    keras.utils.set_random_seed(1)
    clips = [
        clip(emotion, level=level) + np.random.default_rng(at).normal(size=16000) * noise
        for at, noise in enumerate((0.0003, 0.003, 0.01))
        for level in (0.2, 0.5)
        for emotion in EMOTIONS
    ]
    features = [extract_audio(encoded(sound, 16000), EXTRACTORS) for sound in clips]
    arrays = {name: [by_extractor[name][name] for by_extractor in features] for name in EXTRACTORS}
    preprocessors = {name: preprocessing.fit(clip_arrays) for name, clip_arrays in arrays.items()}
    inputs = {name: keras.Input(p.shape, name=name) for name, p in preprocessors.items()}
    flat = keras.layers.Concatenate()([keras.layers.Flatten()(x) for x in inputs.values()])
    network = keras.Model(inputs, keras.layers.Dense(len(EMOTIONS), "softmax")(flat))
    # a confident network would hide changes
    smoothed_loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.3)
    network.compile(keras.optimizers.Adam(0.001), smoothed_loss)
    examples = {name: p.apply(arrays[name]) for name, p in preprocessors.items()}
    labels = np.eye(len(EMOTIONS))[np.arange(len(clips)) % len(EMOTIONS)]
    network.fit(examples, labels, epochs=100, batch_size=len(clips), verbose=0)
    trained, packed = tmp_path_factory.mktemp("trained"), tmp_path_factory.mktemp("packed") / "it"
    config = bundle_config(
        features={name: extractor.spec() for name, extractor in EXTRACTORS.items()}
    )
    bundle.write(trained, network, preprocessors, config)
    pack(bundle.Bundle(trained), {}, packed)
    return Recogniser(packed)


def probabilities(recogniser: Recogniser, media: Media) -> NDArray[np.float64]:
    prediction = recogniser.predict(media)
    assert (prediction.finding, prediction.reason) == ("", "")
    predicted = np.array([prediction.probabilities[emotion] for emotion in EMOTIONS])
    assert predicted.sum() == pytest.approx(1, abs=1e-5)
    return predicted


def refusal(recogniser: Recogniser, content: bytes, folder: Path, finding: str) -> str:
    """The one sentence that a content and its file are refused with, whatever their name."""
    file = folder / "clip"
    file.write_bytes(content)
    predictions = [recogniser.predict(media) for media in (content, file)]
    assert [prediction.finding for prediction in predictions] == [finding] * 2
    assert [prediction.emotion for prediction in predictions] == [""] * 2
    label = f"media of {len(content):,} bytes"
    (sentence,) = {prediction.reason.replace(label, file.name) for prediction in predictions}
    return sentence


@pytest.fixture(scope="module")
def expected(recogniser: Recogniser) -> dict[str, NDArray[np.float64]]:
    """The probabilities for two plain files, which differ."""
    by_sound = {name: probabilities(recogniser, encoded(SOUNDS[name], 16000)) for name in SOUNDS}
    assert [EMOTIONS[row.argmax()] for row in by_sound.values()] == list(SOUNDS)
    return by_sound


@pytest.mark.parametrize("format", [*PLAIN, *CODED])
def test_one_sound_in_every_format(
    recogniser: Recogniser, expected: dict[str, NDArray[np.float64]], tmp_path: Path, format: str
) -> None:
    tolerance = 0.35 if format in LOSSY else 0.15 if format in COARSE else 0.005
    content = {name: encoded(sound, 16000, format) for name, sound in SOUNDS.items()}
    (tmp_path / "clip").write_bytes(content["calm"])
    clips: list[tuple[str, Media]] = [*content.items(), ("calm", tmp_path / "clip")]
    for name, media in clips:
        predicted = probabilities(recogniser, media)
        assert EMOTIONS[predicted.argmax()] == name
        np.testing.assert_allclose(predicted, expected[name], atol=tolerance)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000, 96000])
def test_one_sound_at_every_rate_in_all_channels(recogniser: Recogniser, rate: int) -> None:
    plain = probabilities(recogniser, encoded(clip("angry"), 16000))
    for channels, format in ((1, "wav-16"), (2, "flac-16"), (6, "wav-float")):
        sound = np.repeat(clip("angry", rate)[:, None], channels, axis=1)
        predicted = probabilities(recogniser, encoded(sound, rate, format))
        np.testing.assert_allclose(predicted, plain, atol=0.01)


@pytest.mark.parametrize("offset", [0.3, -0.3, 0.02])
def test_an_offset_changes_nothing(
    recogniser: Recogniser, expected: dict[str, NDArray[np.float64]], offset: float
) -> None:
    predicted = probabilities(recogniser, encoded(SOUNDS["calm"] + offset, 16000))
    np.testing.assert_allclose(predicted, expected["calm"], atol=0.01)


@pytest.mark.parametrize("level", [1.2, 4.0])
def test_float_samples_above_one_and_clipping(recogniser: Recogniser, level: float) -> None:
    loud = clip("sad", level=level) + ROOM
    assert np.abs(loud).max() > 1.1
    for sound in (loud, np.clip(loud, -1, 1)):
        probabilities(recogniser, encoded(sound, 16000, "wav-float"))


@pytest.mark.parametrize("seconds", [0.35, 1, 30, 600])
def test_how_long_a_clip_may_be(recogniser: Recogniser, seconds: float) -> None:
    sound = np.tile(clip("calm", seconds=min(seconds, 10)), max(1, int(seconds // 10)))
    probabilities(recogniser, encoded(sound, 16000))


GOOD = clip("calm")
TORN = {format: encoded(GOOD, 16000, format) for format in ("wav-16", "flac-16", "m4a-fast")}
NAN, LOUD = GOOD.copy(), GOOD * 32768
NAN[100:103] = np.nan, np.inf, -np.inf
BAD = {
    "short": (encoded(GOOD[:3200], 16000), "too-short", "0.20 s of sound, at least 0.3 s are"),
    "zeros": (encoded(0 * GOOD, 16000), "silent", "nothing but zeros, at least -60 dBFS"),
    "quiet": (encoded(GOOD / 2000, 16000, "wav-24"), "silent", "the sound peaks at -7"),
    "constant": (encoded(0 * GOOD + 0.5, 44100), "silent", "at least -60 dBFS are expected"),
    "nan": (encoded(NAN, 16000, "wav-float"), "unreadable", "3 of the sound's 16,000 samples"),
    "loud": (encoded(LOUD, 16000, "wav-float"), "unreadable", "32 are expected where full scale"),
    "rate": (encoded(GOOD, 9), "unreadable", "a sample rate of 9 Hz"),
    "nothing": (b"", "unreadable", "clip is empty: 0 bytes"),
    "text": (b"somebody renamed this text\n" * 99, "unreadable", "clip is a text, which"),
    "no sound": (encoded(GOOD[:0], 16000), "unreadable", "the sound of clip does not decode"),
} | {
    f"torn {name}": (content[: len(content) * 2 // 3], "unreadable", "clip is cut short")
    for name, content in TORN.items()
}


@pytest.mark.parametrize(("content", "finding", "reason"), BAD.values(), ids=BAD)
def test_a_clip_that_cannot_be_used_has_a_finding(
    recogniser: Recogniser, tmp_path: Path, content: bytes, finding: str, reason: str
) -> None:
    assert reason in refusal(recogniser, content, tmp_path, finding)


def test_a_file_that_is_not_there(recogniser: Recogniser, tmp_path: Path) -> None:
    for media in (tmp_path / "none.wav", Path("null\0byte"), tmp_path):
        prediction = recogniser.predict(media)
        assert prediction.finding == "unreadable"
        assert "does not open" in prediction.reason
