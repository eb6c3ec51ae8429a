"""Each detector alone, against what it is made from, and all of them against each other."""

import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from helpers.detectors import DETECTORS, WEIGHTS, load_detector, resolve
from numpy.typing import NDArray

from avemo.errors import AssetError, GraphError
from avemo.faces import detectors
from avemo.faces.detectors import Detector, Face, weights
from avemo.faces.detectors.boxes import measure_overlaps, suppress_overlapping
from avemo.faces.detectors.pictures import scale_image
from avemo.faces.detectors.scrfd import ScrfdDetector
from avemo.faces.detectors.yunet import YunetDetector
from avemo.media.frames import read_frames
from avemo.pretrained import assets
from avemo.runtime.graph import Graph
from avemo.synthetic.face import draw_frames

ROOT = Path(__file__).parents[2]
FILMS = ROOT / "../shared/ravdess/video"
MIN_SCORE = 0.6  # of faces.min_score

Pictures = list[NDArray[np.uint8]]


@pytest.fixture(scope="module")
def real_frames() -> list[Pictures]:
    """16 frames of each film."""
    films = sorted(FILMS.rglob("*.mp4"))
    if not films:
        pytest.skip("needs ../shared/ravdess/video")
    return [[frame.image for frame in read_frames(film, 16)] for film in films]


def drawn_frames() -> Pictures:
    """Actors of the sample with their mouths shut and open."""
    loudness = np.array([0.0, 0.5, 1.0])
    return [frame for actor in range(1, 7) for frame in draw_frames(actor, 0, 1.0, loudness, 20, 1)]


def find_single_faces(detector: Detector, images: Pictures) -> list[Face]:
    """Return the face of each image, which must have one."""
    faces = []
    for found in detector.detect(images):
        (face,) = [face for face in found if face.score >= MIN_SCORE]
        faces.append(face)
    return faces


def measure_distances(first: list[Face], second: list[Face]) -> NDArray[np.float64]:
    """Return how far apart landmarks are, in widths of the face [shape=(n, 5)]."""
    widths = np.array([face.box[2] - face.box[0] for face in first])
    shifts = np.array([a.landmarks - b.landmarks for a, b in zip(first, second, strict=True)])
    return np.asarray(np.linalg.norm(shifts, axis=2) / widths[:, None])


@pytest.mark.real
@pytest.mark.slow
def test_all_see_the_same_faces_in_real_films(real_frames: list[Pictures]) -> None:
    """Nose and mouth differ most: SCRFD was taught others than MTCNN, by 2.5 % for the nose."""
    faces = {
        name: [find_single_faces(load_detector(name), frames) for frames in real_frames]
        for name in DETECTORS
    }
    for first, second in combinations(DETECTORS, 2):
        films = zip(faces[first], faces[second], strict=True)
        distances = np.stack([measure_distances(a, b) for a, b in films])
        assert distances.mean() < 0.02, (first, second)
        assert distances.mean(axis=(1, 2)).max() < 0.025, (first, second)
        assert distances.mean(axis=(0, 1)).max() < 0.03, (first, second)


@pytest.mark.slow
def test_all_see_the_drawn_faces_of_the_sample() -> None:
    images = drawn_frames()
    faces = {name: find_single_faces(load_detector(name), images) for name in DETECTORS}
    for first, second in combinations(DETECTORS, 2):
        distances = measure_distances(faces[first], faces[second]).mean(axis=0)
        # SCRFD puts the right eye and the nose of a drawn head elsewhere, by 5 %
        limit = 0.06 if "scrfd" in (first, second) else 0.02
        assert distances.max() < limit, (first, second)


@pytest.mark.slow
def test_a_face_beside_the_frame_or_none_at_all(detector: Detector) -> None:
    nothing = np.zeros((240, 320, 3), np.uint8)
    assert detector.detect([]) == []
    assert detector.detect([nothing, nothing[:100]]) == [[], []]
    for shape in ((1, 1, 3), (3, 900, 3), (901, 5, 3)):
        assert detector.detect([np.full(shape, 99, np.uint8)]) == [[]]


def test_images_of_several_sizes_are_answered_in_their_order(detector: Detector) -> None:
    small = drawn_frames()[0]
    large = cv2.resize(small, None, fx=2.0, fy=2.0, interpolation=cv2.INTER_LINEAR)
    first, second, third = find_single_faces(detector, [large, small, large])
    assert first.landmarks == pytest.approx(second.landmarks * 2, abs=8)
    assert first.landmarks == pytest.approx(third.landmarks, abs=1e-3)
    for face in (first, second):
        assert face.box.dtype == face.landmarks.dtype == np.float32
        assert type(face.score) is float


def test_the_number_of_threads_changes_nothing(detector: Detector) -> None:
    images = drawn_frames()[:4]
    threads = cv2.getNumThreads()
    results = []
    for count in (1, 2):
        cv2.setNumThreads(count)
        faces = find_single_faces(detector, images)
        results.append([[*face.box, *face.landmarks.ravel(), face.score] for face in faces])
    cv2.setNumThreads(threads)
    assert results[0] == results[1]


@pytest.mark.slow
@pytest.mark.real
def test_mtcnn_as_its_package_sees_it(real_frames: list[Pictures]) -> None:
    """Where several boxes have the probability 1, the package takes any: its sort is not stable."""
    mtcnn = pytest.importorskip("mtcnn").MTCNN()
    images = [frames[8] for frames in real_frames] + drawn_frames()[::3]
    images = [scale_image(image, (320, 200)) for image in images]  # as the detector scales them
    rows = [
        mtcnn.detect_faces(
            np.ascontiguousarray(image[..., ::-1]), output_type="numpy", box_format="xyxy"
        )
        for image in images
    ]
    answers = load_detector("mtcnn").detect(images)
    assert [len(faces) for faces in answers] == [len(row) for row in rows]
    # image, box, score, the five x, the five y
    expected = np.stack([row[row[:, 5].argmax()] for row in rows])
    faces = [max(faces, key=lambda face: face.score) for faces in answers]
    landmarks = expected[:, 6:].reshape(-1, 2, 5).transpose(0, 2, 1)
    shifts = [np.abs(a.landmarks - b).max() for a, b in zip(faces, landmarks, strict=True)]
    shifts_of_boxes = [
        np.abs(face.box - row[1:5]).max() for face, row in zip(faces, expected, strict=True)
    ]
    assert np.mean(np.array(shifts) < 0.01) >= 0.8
    assert max(shifts) < 3
    assert np.mean(np.array(shifts_of_boxes) < 0.01) >= 0.8
    np.testing.assert_allclose([face.score for face in faces], expected[:, 5], atol=0.02)


@pytest.mark.slow
@pytest.mark.real
def test_scrfd_as_insightface_sees_it(real_frames: list[Pictures]) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    scrfd = pytest.importorskip("insightface.model_zoo.scrfd")
    name, files = resolve("scrfd")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    network = scrfd.SCRFD(session=onnxruntime.InferenceSession(files[name], options))
    network.prepare(0, det_thresh=0.3)
    detector = load_detector("scrfd", 640)
    images = [scale_image(frames[0], (640, 360)) for frames in real_frames]
    crowd = np.vstack([np.hstack(images[:2]), np.hstack(images[2:4])])
    for image in [*images, scale_image(crowd, (640, 360)), np.rot90(images[0]).copy()]:
        faces = detector.detect([image])[0]
        height, width = (-(-side // 32) * 32 for side in image.shape[:2])
        boxes, landmarks = network.detect(image, input_size=(width, height))
        np.testing.assert_array_equal([[*face.box, face.score] for face in faces], boxes)
        np.testing.assert_array_equal([face.landmarks for face in faces], landmarks)


@pytest.mark.slow
def test_yunet_leaves_opencvs_log_alone_and_writes_nothing() -> None:
    resolve("yunet")
    code = (
        "import cv2\n"
        "from avemo.faces import detectors\n"
        "from avemo.faces.detectors import weights\n"
        "before = cv2.utils.logging.getLogLevel()\n"
        "detectors.load(*weights.resolve('yunet'), 320)\n"
        "assert cv2.utils.logging.getLogLevel() == before\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT), assets.MIRROR: str(WEIGHTS)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout + done.stderr == ""


class ForgetfulOnet(Graph):
    """Sees no face anywhere."""

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        count = len(inputs["images"])
        return [np.zeros((count, n), np.float32) for n in (4, 10, 2)]


def test_yunets_own_points_stay_where_onet_sees_no_face() -> None:
    _, files = resolve("yunet")
    images = drawn_frames()[:3]
    own = find_single_faces(YunetDetector(files["yunet"], ForgetfulOnet(), 320), images)
    distances = measure_distances(own, find_single_faces(load_detector("yunet"), images))
    assert 0 < distances.mean() < 0.1


@pytest.mark.parametrize("name", DETECTORS)
def test_damaged_weights_are_named(name: str) -> None:
    detector, files = resolve(name)
    for damaged in files:
        with pytest.raises(GraphError, match=f"{damaged}.onnx cannot be run"):
            detectors.load(detector, files | {damaged: files[damaged][:2000]}, 320)


class RecordingGraph(Graph):
    """SCRFD's outputs for one face, in pictures whose side is at least so large."""

    def __init__(self, min_side_px: int) -> None:
        self.min_side_px = min_side_px
        self.input_sizes: list[tuple[int, int]] = []

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        height, width = inputs["images"].shape[2:]
        self.input_sizes.append((width, height))
        counts = [2 * (height // stride) * (width // stride) for stride in (8, 16, 32)]
        outputs = [np.zeros((n, size), np.float32) for size in (1, 4, 10) for n in counts]
        outputs[0][0] = 0.9 * (max(height, width) >= self.min_side_px)
        return outputs


@pytest.mark.parametrize(
    ("min_side_px", "side_px", "input_sizes"),
    [
        (0, 320, [(320, 192)]),
        (400, 320, [(320, 192), (640, 384)]),
        (999, 320, [(320, 192), (640, 384)]),
        (0, 640, [(640, 384)]),
    ],
)
def test_a_picture_without_a_face_is_looked_at_again_larger(
    min_side_px: int, side_px: int, input_sizes: list[tuple[int, int]]
) -> None:
    graph = RecordingGraph(min_side_px)
    (faces,) = ScrfdDetector("scrfd_500m", graph, side_px).detect(
        [np.zeros((720, 1280, 3), np.uint8)]
    )
    assert graph.input_sizes == input_sizes
    assert len(faces) == (min_side_px < 640)


def test_of_boxes_that_overlap_the_better_is_kept() -> None:
    boxes = np.array([[0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10], [0, 0, 5, 10]], float)
    overlaps = measure_overlaps(boxes)
    assert overlaps[0] == pytest.approx([1, 60 / 140, 20 / 180, 0.5])
    assert measure_overlaps(boxes, "smaller")[0] == pytest.approx([1, 0.6, 0.2, 1])
    assert suppress_overlapping(boxes, 0.4) == [0, 2]
    assert suppress_overlapping(boxes, 0.6) == [0, 1, 2, 3]
    assert suppress_overlapping(np.empty((0, 4)), 0.4) == []


def test_auto_takes_yunet_where_its_weights_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "yunet").write_bytes(b"weights")
    monkeypatch.setattr(assets, "find", lambda name: tmp_path / name)
    name, files = weights.resolve("auto")
    assert name == "yunet"
    assert files["yunet"] == b"weights"
    assert set(files) == {"yunet", "onet"}
    assert weights.licences("yunet") == {"OpenCV Zoo, YuNet: MIT", "package mtcnn: MIT"}


def test_auto_takes_mtcnn_without_a_network_and_says_so_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(assets.CACHE, str(tmp_path))
    monkeypatch.setenv(assets.ORIGIN, "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.delenv(assets.MIRROR, raising=False)
    with caplog.at_level(logging.WARNING):
        name, files = weights.resolve("auto")
    assert (name, set(files)) == ("mtcnn", {"pnet", "rnet", "onet"})
    assert len(caplog.messages) == 1
    assert "MTCNN detects faces instead of YuNet" in caplog.messages[0]
    for setting, file in (("yunet", "face_detection_yunet_2026may"), ("scrfd", "det_500m")):
        with pytest.raises(AssetError, match=rf"{file}\.onnx is missing"):
            weights.resolve(setting)


def test_auto_does_not_hide_damaged_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "face_detection_yunet_2026may.onnx").write_bytes(b"damaged")
    monkeypatch.setenv(assets.MIRROR, str(tmp_path))
    with pytest.raises(AssetError, match="refused"):
        weights.resolve("auto")


@pytest.mark.slow
def test_no_detector_needs_what_its_weights_come_from() -> None:
    for name in DETECTORS:
        resolve(name)
    code = (
        "import sys, numpy as np\n"
        "from helpers.detectors import DETECTORS, resolve\n"
        "from avemo.faces import detectors\n"
        "resolved = [resolve(name) for name in DETECTORS]\n"
        "for package in ('insightface', 'joblib', 'lz4', 'mtcnn', 'onnx', 'tensorflow'):\n"
        "    for module in [m for m in sys.modules if m.partition('.')[0] == package]:\n"
        "        del sys.modules[module]\n"
        "    sys.modules[package] = None\n"
        "image = np.zeros((64, 64, 3), np.uint8)\n"
        "print([detectors.load(*it, 320).detect([image]) for it in resolved])\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[[[]], [[]], [[]]]\n"
