"""A model of sound and picture opens a film once, decodes its sound once, and does with either."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from helpers.bundles import bundle_config
from helpers.films import write_film
from helpers.open_counter import OpenCounter
from helpers.sounds import encoded, voice
from numpy.typing import NDArray

from avemo.config import load_settings
from avemo.emotions import EMOTIONS
from avemo.faces import extract
from avemo.faces.detectors import Detector, Face
from avemo.features.audio import mfcc
from avemo.features.run import extract_audio, extract_visual
from avemo.features.spec import FeatureSpec
from avemo.features.visual import geometry
from avemo.inference.prediction import Prediction
from avemo.inference.recogniser import Recogniser
from avemo.media.clip import Clip, Media
from avemo.models import bundle, preprocessing

pytestmark = pytest.mark.slow

FACES = load_settings(Path(__file__).parents[2]).faces.model_copy(
    update={"frames": 4, "spread": "voiced", "min_face_px": 10}
)
MFCC = mfcc.Mfcc(
    mfcc.Settings(
        sample_rate=16000, window_ms=48.0, hop_ms=24.0, coefficients=30, low_hz=60.0, high_hz=7600.0
    )
)
GEOMETRY = geometry.Geometry(geometry.Settings())


class OneFace(Detector):
    """A detector that finds the same face in every frame: what the films here show is a wall."""

    name = "one"

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[list[Face]]:
        landmarks = np.array(extract.TEMPLATE, np.float32) * 0.4
        return [[Face(np.array([2, 2, 42, 42], np.float32), landmarks, 0.9)] for _ in images]


def features_of(sound: Media, picture: Media) -> dict[str, NDArray[np.float32]]:
    faces = extract.extract(picture, FACES, OneFace())
    heard, seen = extract_audio(sound, {"mfcc": MFCC}), extract_visual(faces, {"it": GEOMETRY})
    return {"mfcc": heard["mfcc"]["mfcc"], "geometry": seen["it"]["geometry"]}


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("film") / "a.mkv")


@pytest.fixture(scope="module")
def recogniser(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Recogniser:
    """An untrained network that listens and looks."""
    import keras

    keras.utils.set_random_seed(1)
    preprocessors = {
        name: preprocessing.fit([array]) for name, array in features_of(film, film).items()
    }
    inputs = {name: keras.Input(p.shape, name=name) for name, p in preprocessors.items()}
    flat = [keras.layers.Flatten()(x) for x in inputs.values()]
    small = [keras.layers.Dense(8, "tanh")(x) for x in flat]
    joined = keras.layers.Concatenate()(small)
    network = keras.Model(inputs, keras.layers.Dense(len(EMOTIONS), "softmax")(joined))
    face_spec = FeatureSpec(
        extractor="faces",
        version=extract.VERSION,
        settings=FACES.model_dump(mode="json"),
        resources={"detector": "mtcnn"},
    )
    features = {"mfcc": MFCC.spec(), "geometry": GEOMETRY.spec(face_spec)}
    folder = tmp_path_factory.mktemp("trained")
    bundle.write(folder, network, preprocessors, bundle_config(modality="fused", features=features))
    recogniser = Recogniser(folder)
    recogniser.__dict__["_detector"] = OneFace()
    return recogniser


def predict(recogniser: Recogniser, media: Media, picture: Media | None = None) -> Prediction:
    """Predict in this process, where readings are counted, and never in another."""
    prediction = recogniser._predict(media, picture)
    assert prediction.finding == ""
    return prediction


@pytest.mark.parametrize("as_clip", [False, True])
def test_a_film_is_opened_once_and_its_sound_decoded_once(
    recogniser: Recogniser, film: Path, monkeypatch: pytest.MonkeyPatch, as_clip: bool
) -> None:
    counter = OpenCounter(monkeypatch)
    prediction = predict(recogniser, Clip(film) if as_clip else film)
    assert prediction.reason == ""
    assert (counter.files, counter.readers, counter.samples) == ([film], 1, 16000)


def test_sound_and_picture_may_stand_in_two_files(
    recogniser: Recogniser, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = tmp_path / "other.flac"
    sound.write_bytes(encoded(voice(16000, 2.0, 0.2)[::-1].copy(), 16000, "flac-16"))
    arrays = features_of(sound, film)
    expected = recogniser.bundle.probabilities({name: [arrays[name]] for name in arrays})[0]
    counter = OpenCounter(monkeypatch)
    prediction = predict(recogniser, sound, film)
    assert (counter.files, counter.readers) == ([sound, film], 2)
    assert prediction.reason == ""
    probabilities = [prediction.probabilities[name] for name in EMOTIONS]
    np.testing.assert_array_equal(probabilities, expected)


def test_what_is_there_is_enough_and_the_reason_says_what_is_not(
    recogniser: Recogniser, film: Path, tmp_path: Path
) -> None:
    silent = write_film(tmp_path / "silent.mkv", sound=False)
    sound = tmp_path / "a.wav"
    sound.write_bytes(encoded(voice(16000), 16000))
    reasons = [predict(recogniser, clip).reason for clip in (silent, sound)]
    assert reasons == [
        "silent.mkv has no sound: there is no audio stream",
        "a.wav has no video stream",
    ]
