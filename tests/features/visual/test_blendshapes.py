"""Blendshapes, by networks in MediaPipe's form whose answers are known."""

import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.detectors import load_detector
from helpers.extracted_faces import draw_faces
from numpy.typing import NDArray

from avemo.config import load_settings
from avemo.errors import AssetError
from avemo.faces import extract
from avemo.features.arrays import Arrays
from avemo.features.visual.blendshapes import Blendshapes, Settings
from avemo.pretrained.face_landmarker import (
    BLENDSHAPE_LANDMARKS,
    BLENDSHAPES,
    load_landmarker,
)
from avemo.runtime import pretrained_graphs

SETTINGS = Settings()
ROOT = Path(__file__).parents[3]
SHARED = ROOT / "../shared"
draw = np.random.default_rng(5)
#: what the two networks multiply by: a picture's 8 x 8 means, and the points that are picked
SPOTS = draw.normal(size=(8 * 8 * 3, 478 * 3)).astype("f")
WAYS = draw.normal(size=(146 * 2, 52)).astype("f")


def network(function: Callable[[Any], Any], *shape: int) -> bytes:
    """A function as TensorFlow Lite keeps it."""
    import tensorflow as tf

    traced = tf.function(function, input_signature=[tf.TensorSpec((1, *shape), tf.float32)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        converter = tf.lite.TFLiteConverter.from_concrete_functions(
            [traced.get_concrete_function()]
        )
        content: bytes = converter.convert()
        return content


def landmarks(picture: Any) -> tuple[Any, Any, Any]:
    import tensorflow as tf

    means = tf.reshape(tf.nn.avg_pool2d(picture, 32, 32, "VALID"), (1, 8 * 8 * 3))
    flat = tf.reshape(means @ SPOTS, (1, 1, 1, 478 * 3))
    return tf.reduce_mean(flat, axis=3, keepdims=True), flat, tf.reduce_max(means, keepdims=True)


def shapes(points: Any) -> Any:
    import tensorflow as tf

    return tf.reshape(tf.sigmoid(tf.reshape(points, (1, 146 * 2)) @ WAYS / 50), (52,))


@pytest.fixture(scope="module")
def members() -> dict[str, bytes]:
    return {
        "face_landmarks_detector.tflite": network(landmarks, 256, 256, 3),
        "face_blendshapes.tflite": network(shapes, 146, 2),
    }


def bundle(folder: Path, members: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(folder / "face_landmarker.task", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return folder / "face_landmarker.task"


def extract_blendshapes(clip: Arrays, file: Path) -> NDArray[np.float32]:
    graph = pretrained_graphs.get("face_landmarker", file)
    return Blendshapes(SETTINGS, {"face_landmarker": graph}).extract(clip)["blendshapes"]


@pytest.mark.slow
def test_faces_go_through_both_networks(members: dict[str, bytes], tmp_path: Path) -> None:
    clip = draw_faces(3)
    features = extract_blendshapes(clip, bundle(tmp_path, members))
    assert (features.dtype, features.shape) == (np.dtype(np.float32), (3, len(BLENDSHAPES)))
    pictures = extract.decode_crops(clip, 256).astype("f") / 255
    means = pictures.reshape(3, 8, 32, 8, 32, 3).mean(axis=(2, 4)).reshape(3, -1)
    points = (means @ SPOTS).reshape(3, 478, 3)[:, list(BLENDSHAPE_LANDMARKS), :2]
    known = 1 / (1 + np.exp(-points.reshape(3, -1) @ WAYS / 50))
    np.testing.assert_allclose(features, known, atol=1e-4)
    assert known.std(axis=0).min() > 1e-3  # by another face another answer


@pytest.mark.parametrize("left_out", ["face_landmarks_detector.tflite", "face_blendshapes.tflite"])
def test_a_network_that_is_not_there(
    members: dict[str, bytes], tmp_path: Path, left_out: str
) -> None:
    rest = {name: content for name, content in members.items() if name != left_out}
    says = rf"face_landmarker \(.*no item named '{left_out}'.*\): remove it"
    with pytest.raises(AssetError, match=says):
        load_landmarker(bundle(tmp_path, rest))


def test_a_network_of_another_form(members: dict[str, bytes], tmp_path: Path) -> None:
    both = dict.fromkeys(members, members["face_blendshapes.tflite"])
    with pytest.raises(AssetError, match=r"takes \[\(1, 146, 2\)\]"):
        load_landmarker(bundle(tmp_path, both))


def test_what_is_no_network(members: dict[str, bytes], tmp_path: Path) -> None:
    for content in (b"<html>404</html>", b""):
        file = bundle(tmp_path, dict.fromkeys(members, content))
        with pytest.raises(AssetError, match="cannot be read as face_landmarker"):
            load_landmarker(file)
    file.write_text("<html>404</html>")
    with pytest.raises(AssetError, match="cannot be read as face_landmarker"):
        load_landmarker(file)


@pytest.mark.slow
@pytest.mark.real
def test_mediapipes_own_weights_on_real_faces() -> None:
    weights = SHARED / "weights"
    clips = {
        "neutral": "01-01-01-01-02-01-05",
        "happy": "01-01-03-01-01-02-05",
        "sad": "01-01-04-02-01-02-05",
        "fearful": "01-01-06-02-01-01-05",
    }
    films = {emotion: SHARED / f"ravdess/video/{name}.mp4" for emotion, name in clips.items()}
    landmarker = weights / "face_landmarker.task"
    if not all(file.is_file() for file in (*films.values(), landmarker)):
        pytest.skip("needs ../shared/ravdess and ../shared/weights")
    settings = load_settings(ROOT).faces
    detector = load_detector("yunet", settings.detector_side_px)
    columns = {}
    for emotion, film in films.items():
        faces = extract.extract(film, settings, detector)
        rows = extract_blendshapes(faces, landmarker)
        assert rows.shape == (len(faces["times"]), 52)
        assert 0 <= rows.min() <= rows.max() <= 1
        columns[emotion] = dict(zip(BLENDSHAPES, rows.T, strict=True))
    smile = {emotion: face["mouthSmileLeft"].mean() for emotion, face in columns.items()}
    assert smile["happy"] > 0.3
    assert max(smile["neutral"], smile["sad"], smile["fearful"]) < 0.1
    eyes = {emotion: face["eyeWideLeft"].mean() for emotion, face in columns.items()}
    assert max(eyes, key=eyes.__getitem__) == "fearful"
    for face in columns.values():  # the mouth opens and closes while it speaks
        assert np.ptp(face["jawOpen"]) > 0.1
