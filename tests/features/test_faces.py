import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from subprocess import run

import cv2
import numpy as np
import pytest

from avemo import assets
from avemo.errors import AssetError, MediaError
from avemo.features import detectors, faces
from avemo.features.detectors import Detector, Face
from avemo.features.detectors.scrfd import Scrfd
from avemo.media.picture import Frame

SHARED = Path(__file__).parents[2] / "../shared"
SETTINGS = faces.Settings(
    detector="auto", detector_side=320, frames=4, size=64, margin=0.15, min_score=0.6
)
POINTS = np.array(faces.TEMPLATE, np.float32)


class Scripted:
    """A detector that finds what it is told to, frame by frame."""

    name = "scripted"

    def __init__(self, *script: list[Face]) -> None:
        self.script = list(script)

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Face]]:
        return self.script[: len(images)]


def face(side: float, score: float = 0.9) -> Face:
    return Face(np.array([0, 0, side, side], np.float32), POINTS, score)


@pytest.fixture
def four_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [
        Frame(index / 2, np.full((120, 160, 3), (9, 99, 199), np.uint8)) for index in range(4)
    ]
    monkeypatch.setattr("avemo.media.picture.read_frames", lambda source, count: iter(frames))


@pytest.mark.usefixtures("four_frames")
def test_the_largest_sure_face_of_each_frame_is_cut() -> None:
    script = [[face(30), face(50), face(90, 0.5)], [], [face(40)], [face(40, 0.59)]]
    found = faces.extract(b"", SETTINGS, Scripted(*script))
    assert found["faces"].shape == (2, 64, 64, 3)
    assert found["faces"].dtype == np.uint8
    assert found["faces"][0, 32, 32].tolist() == [199, 99, 9]  # RGB
    assert found["boxes"][:, 2].tolist() == [50, 40]
    assert found["times"].tolist() == [0, 1]
    assert found["points"].shape == (2, 5, 2)
    assert found["scores"] == pytest.approx([0.9, 0.9])
    assert float(found["found"]) == 0.5


@pytest.mark.usefixtures("four_frames")
@pytest.mark.parametrize(("faintest", "said"), [([], "4 sampled"), ([face(40, 0.31)], "0.31")])
def test_no_face_is_a_finding(faintest: list[Face], said: str) -> None:
    with pytest.raises(MediaError, match=said) as raised:
        faces.extract(b"", SETTINGS, Scripted([], faintest, [], []))
    assert raised.value.finding == "no-face"


@pytest.mark.parametrize("turn", [0.0, 25.0, -160.0])
@pytest.mark.parametrize("scale", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("margin", [0.0, 0.25])
def test_the_five_points_come_to_their_places(turn: float, scale: float, margin: float) -> None:
    angle = np.radians(turn)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = (POINTS - 56) @ rotation.T * scale + 300
    size = 112
    for point, goal in zip(points, POINTS, strict=True):
        image = np.zeros((600, 600, 3), np.uint8)
        cv2.circle(
            image, tuple(round(v * 16) for v in point), round(48 * scale), (255,) * 3, -1, 8, 4
        )
        crop = faces.align(image, points, size=size, margin=margin)[..., 0].astype(float)
        rows, columns = np.indices(crop.shape)
        centre = np.array([(crop * columns).sum(), (crop * rows).sum()]) / crop.sum()
        assert centre == pytest.approx((goal + margin * 112) / (1 + 2 * margin), abs=0.75)


def test_importing_the_extractor_is_light() -> None:
    code = (
        "import sys, avemo.features.faces, avemo.features.detectors\n"
        "print({'cv2', 'av', 'insightface', 'tensorflow', 'mtcnn', 'pooch'} & set(sys.modules))"
    )
    done = run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_auto_takes_scrfd_where_its_weights_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "find", lambda name: tmp_path / name)
    assert detectors.resolve("auto") == ("scrfd_500m", tmp_path / "scrfd_500m")
    assert detectors.resolve("mtcnn") == ("mtcnn", None)


def test_auto_takes_mtcnn_without_a_network_and_says_so_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(assets.CACHE, str(tmp_path))
    monkeypatch.setenv(assets.ORIGIN, "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.delenv(assets.MIRROR, raising=False)
    with caplog.at_level(logging.WARNING):
        assert detectors.resolve("auto") == ("mtcnn", None)
    assert len(caplog.messages) == 1
    assert "MTCNN instead of SCRFD" in caplog.messages[0]
    with pytest.raises(AssetError, match=r"det_500m\.onnx"):
        detectors.resolve("scrfd")


def test_auto_does_not_hide_damaged_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "det_500m.onnx").write_bytes(b"damaged")
    monkeypatch.setenv(assets.MIRROR, str(tmp_path))
    with pytest.raises(AssetError, match="refused"):
        detectors.resolve("auto")


class Network:
    """Finds one face, in pictures at least so large."""

    def __init__(self, least: int) -> None:
        self.least = least
        self.looked_at: list[tuple[int, int]] = []

    def detect(self, image: np.ndarray, input_size: tuple[int, int]) -> tuple[np.ndarray, ...]:
        self.looked_at.append(input_size)
        found = int(max(input_size) >= self.least)
        return np.full((found, 5), 0.9, np.float32), np.zeros((found, 5, 2), np.float32)


@pytest.mark.parametrize(
    ("least", "side", "looked_at"),
    [
        (0, 320, [(320, 192)]),
        (400, 320, [(320, 192), (640, 384)]),
        (999, 320, [(320, 192), (640, 384)]),
        (0, 640, [(640, 384)]),
    ],
)
def test_a_picture_without_a_face_is_looked_at_again_larger(
    least: int, side: int, looked_at: list[tuple[int, int]]
) -> None:
    network = Network(least)
    (found,) = Scrfd("scrfd_500m", network, side).detect([np.zeros((720, 1280, 3), np.uint8)])
    assert network.looked_at == looked_at
    assert len(found) == (least < 640)


@pytest.fixture(scope="module", params=["scrfd", "mtcnn"])
def detector(request: pytest.FixtureRequest) -> Detector:
    if request.param == "mtcnn":
        return detectors.load("mtcnn", None, 320)
    if not (SHARED / "weights/scrfd_500m_kps.onnx").is_file():
        pytest.skip("needs ../shared/weights/scrfd_500m_kps.onnx")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(assets.MIRROR, str(SHARED / "weights"))
        name, weights = detectors.resolve("scrfd")
        return detectors.load(name, weights.read_bytes(), 320)


@pytest.mark.slow
@pytest.mark.real
def test_a_face_in_every_frame_of_the_real_recordings(detector: Detector) -> None:
    files = sorted((SHARED / "ravdess/video").rglob("*.mp4"))
    if not files:
        pytest.skip("needs ../shared/ravdess/video")
    for file in files:
        found = faces.extract(file, SETTINGS, detector)
        assert float(found["found"]) == 1, file.name
        eyes, mouth = found["points"][:, :2], found["points"][:, 3:]
        assert (eyes[:, 0, 0] < eyes[:, 1, 0]).all()
        assert (mouth[:, 0, 0] < mouth[:, 1, 0]).all()
        assert (eyes[..., 1].max(axis=1) < mouth[..., 1].min(axis=1)).all()


@pytest.mark.slow
def test_a_face_is_found_where_it_is_and_none_where_none_is(detector: Detector) -> None:
    data = pytest.importorskip("skimage.data", reason="needs scikit-image's picture of a face")
    portrait = np.ascontiguousarray(data.astronaut()[..., ::-1])
    half = cv2.resize(portrait, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    nothing = np.zeros_like(portrait)
    whole, smaller, none = detector.detect([portrait, half, nothing])
    assert none == []
    assert detector.detect([nothing]) == [[]]
    assert detector.detect([]) == []
    eyes = np.array([[204, 100], [245, 102]])
    (sure,) = [face for face in whole if face.score > 0.6]
    assert sure.points[:2] == pytest.approx(eyes, abs=6)
    assert sure.box.dtype == sure.points.dtype == np.float32
    (sure,) = [face for face in smaller if face.score > 0.6]
    assert sure.points[:2] == pytest.approx(eyes / 2, abs=4)
