import pickle
import sys
from collections.abc import Sequence
from pathlib import Path
from subprocess import run

import cv2
import numpy as np
import pytest

from avemo.config import load_settings
from avemo.errors import MediaError
from avemo.faces import detectors, extract
from avemo.faces.alignment import measure_sharpness
from avemo.faces.detectors import Detector, Face
from avemo.faces.head_pose import estimate_head_pose
from avemo.faces.tracking import track_main_face
from avemo.media.frames import Frame

SHARED = Path(__file__).parents[2] / "../shared"
ROOT = Path(__file__).parents[2]
SETTINGS = load_settings(ROOT).faces.model_copy(
    update={"frames": 4, "spread": "all", "side_px": 64, "margin": 0.15, "min_face_px": 10}
)
LANDMARKS = np.array(extract.TEMPLATE, np.float32)


class ScriptedDetector(Detector):
    """A detector with the faces of each frame written down."""

    name = "scripted"

    def __init__(self, *script: list[Face]) -> None:
        self.script = list(script)

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Face]]:
        return self.script[: len(images)]


def face(
    side: float, score: float = 0.9, *, at: float = 0, landmarks: np.ndarray = LANDMARKS
) -> Face:
    return Face(np.array([at, 0, at + side, side], np.float32), landmarks, score)


def play_image(monkeypatch: pytest.MonkeyPatch, image: np.ndarray, step: float = 0.5) -> None:
    frames = [Frame(index * step, image) for index in range(4)]
    monkeypatch.setattr(
        "avemo.media.clip.Clip.iterate_frames", lambda clip, count, span: iter(frames)
    )


@pytest.fixture
def four_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    play_image(monkeypatch, np.full((120, 160, 3), (9, 99, 199), np.uint8))


@pytest.mark.usefixtures("four_frames")
def test_a_row_for_each_frame_with_the_face() -> None:
    script = [[face(30), face(50), face(90, 0.5)], [], [], [face(40, 0.8)]]
    extracted = extract.extract(b"", SETTINGS, ScriptedDetector(*script))
    assert {name: array.dtype.name for name, array in extracted.items()} == extract.ARRAYS
    assert extracted["times"].tolist() == [0, 1.5]
    assert extracted["boxes"][:, 2].tolist() == [50, 40]
    assert extracted["n_other_faces"].tolist() == [1, 0]
    assert extracted["landmarks"].shape == (2, 5, 2)
    assert extracted["scores"] == pytest.approx([0.9, 0.8])
    assert extracted["pose"] == pytest.approx(np.zeros((2, 3)), abs=1e-3)
    assert extracted["sharpness"] == pytest.approx([0, 0], abs=1e-6)
    assert extracted["interpolated"].tolist() == [0, 0]  # it was away for longer than a second
    assert float(extracted["detection_rate"]) == 0.5
    assert extracted["sizes"].sum() == len(extracted["faces"])
    for side in (64, 32):
        pictures = extract.decode_crops(extracted, side)
        assert pictures.shape == (2, side, side, 3)
        assert pictures.dtype == np.uint8
        assert pictures[1, 9, 9].astype(int) == pytest.approx((199, 99, 9), abs=4)  # RGB


def test_a_missed_face_is_put_between_its_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    play_image(monkeypatch, np.full((120, 160, 3), 99, np.uint8), step=0.2)
    script = [[face(50, 0.7)], [], [], [face(56, 0.9, at=12, landmarks=LANDMARKS + 9)]]
    extracted = extract.extract(b"", SETTINGS, ScriptedDetector(*script))
    assert extracted["interpolated"].tolist() == [0, 1, 1, 0]
    assert extracted["boxes"][1] == pytest.approx([4, 0, 56, 52])
    assert extracted["landmarks"][2] == pytest.approx(LANDMARKS + 6)
    assert extracted["scores"] == pytest.approx([0.7, 0.7, 0.7, 0.9])
    assert float(extracted["detection_rate"]) == 0.5
    one_frame = SETTINGS.model_copy(update={"max_gap_frames": 1})
    assert len(extract.extract(b"", one_frame, ScriptedDetector(*script))["times"]) == 2
    script[3] = [face(50, at=60)]  # who knows where it has been
    assert len(extract.extract(b"", SETTINGS, ScriptedDetector(*script))["times"]) == 2


def track_rows(*frames: list[Face]) -> list[tuple[int, float, int]]:
    """Return frame, size and number of other faces of the followed face."""
    times = [index / 5 for index in range(len(frames))]
    track = track_main_face(times, frames, max_gap_frames=2)
    return [
        (it.frame_index, float(it.face.box[2] - it.face.box[0]), it.n_other_faces) for it in track
    ]


def test_who_passes_is_not_followed() -> None:
    stays, passes = face(50), face(120, at=60)
    beside = [[stays], [passes, stays], [stays, passes], [stays], [stays]]
    assert track_rows(*beside) == [(0, 50, 0), (1, 50, 1), (2, 50, 1), (3, 50, 0), (4, 50, 0)]
    before = [[stays], [stays], [face(120)], [stays], [stays], [stays]]
    assert track_rows(*before) == [(n, 50, int(n == 2)) for n in range(6)]


def test_the_larger_of_two_who_stay_is_followed() -> None:
    frames = [[face(40), face(50, at=80)], [face(50, at=90), face(42)], [face(41), face(52, at=84)]]
    assert track_rows(*frames) == [(0, 50, 1), (1, 50, 1), (2, 52, 1)]


def test_who_is_alone_may_move_far() -> None:
    alone = [[face(50)], [face(50, at=100)], [face(60, at=210)]]
    assert track_rows(*alone) == [(0, 50, 0), (1, 50, 0), (2, 60, 0)]
    assert track_rows([face(50)], [face(50)], [face(10)]) == [(0, 50, 0), (1, 50, 0)]
    assert track_rows([], []) == []


def turned(yaw: float, pitch: float = 0, roll: float = 0) -> np.ndarray:
    """Return the landmarks of a head that is turned, seen from afar."""
    head = np.column_stack([LANDMARKS - (56, 72), [0, 0, -21.8, -4.5, -4.5]])
    for axis in ((0, -yaw, 0), (-pitch, 0, 0), (0, 0, roll)):
        head = head @ cv2.Rodrigues(np.radians(np.array(axis, float)))[0].T
    return (head[:, :2] + (56, 72)).astype(np.float32)


@pytest.mark.parametrize("turn", [(0, 0, 0), (30, 0, 0), (0, -20, 0), (0, 0, 25), (-40, 15, -10)])
def test_the_pose_of_a_head_that_is_turned(turn: tuple[float, float, float]) -> None:
    """Yaw to the right, pitch up, roll to the right."""
    assert estimate_head_pose(3 * turned(*turn) + 200) == pytest.approx(turn, abs=0.1)


def test_a_nose_to_the_right_is_a_yaw_to_the_right() -> None:
    right, up = LANDMARKS.copy(), LANDMARKS.copy()
    right[2, 0] += 5
    up[2, 1] -= 5
    assert estimate_head_pose(right)[0] > 5
    assert estimate_head_pose(up)[1] > 5


def expect_refusal(
    monkeypatch: pytest.MonkeyPatch, image: np.ndarray, faces: list[Face]
) -> MediaError:
    play_image(monkeypatch, image)
    with pytest.raises(MediaError) as raised:
        extract.extract(b"", SETTINGS, ScriptedDetector(*[faces] * 4))
    return raised.value


@pytest.mark.parametrize(
    ("faces", "brightness", "finding", "message_parts"),
    [
        ([], 99, "no-face", ["4 sampled", "0.6 (faces.min_score)"]),
        ([face(40, 0.31)], 99, "no-face", ["best candidate scores 0.31"]),
        ([], 3, "too-dark", ["frames are", "3 of 255", "20 is expected (faces.min_brightness)"]),
        ([face(50)], 12, "too-dark", ["face is", "12 of 255"]),
        ([face(9)], 99, "face-too-small", ["9 pixels", "10 are expected (faces.min_face_px)"]),
        (
            [face(50, landmarks=LANDMARKS - (56, 0))],
            99,
            "cut-off",
            ["50%", "35% is", "faces.max_cut_ratio"],
        ),
        (
            [face(50, landmarks=turned(75))],
            99,
            "turned-away",
            ["degrees", "60 are accepted (faces.max_yaw)"],
        ),
    ],
)
def test_findings(
    monkeypatch: pytest.MonkeyPatch,
    faces: list[Face],
    brightness: int,
    finding: str,
    message_parts: list[str],
) -> None:
    error = expect_refusal(monkeypatch, np.full((120, 160, 3), brightness, np.uint8), faces)
    assert error.finding == finding
    for part in message_parts:
        assert part in str(error)


def test_a_single_bad_frame_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    play_image(monkeypatch, np.full((120, 160, 3), 99, np.uint8))
    script = [[face(50)], [face(50, landmarks=LANDMARKS - (56, 0))], [face(50)], [face(50)]]
    assert len(extract.extract(b"", SETTINGS, ScriptedDetector(*script))["times"]) == 4


def test_a_blurred_face_is_less_sharp() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    sharp = cv2.resize(noise, (224, 224))
    assert measure_sharpness(cv2.GaussianBlur(sharp, (0, 0), 4)) < measure_sharpness(sharp) / 4


@pytest.mark.usefixtures("four_frames")
def test_an_extraction_goes_to_another_process_after_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detectors, "load", lambda *arguments: ScriptedDetector(*[[face(50)]] * 4))
    extraction = extract.Extraction(SETTINGS, "scripted", {"network": b"weights"})
    before = extraction(Path("a.mp4"), ["faces"])["faces"]
    after = pickle.loads(pickle.dumps(extraction))(Path("a.mp4"), ["faces"])["faces"]
    np.testing.assert_array_equal(before["faces"], after["faces"])


@pytest.mark.parametrize("turn", [0.0, 25.0, -160.0])
@pytest.mark.parametrize("scale", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("margin", [0.0, 0.25])
def test_the_five_points_come_to_their_places(turn: float, scale: float, margin: float) -> None:
    angle = np.radians(turn)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = (LANDMARKS - 56) @ rotation.T * scale + 300
    size = 112
    for point, goal in zip(points, LANDMARKS, strict=True):
        image = np.zeros((600, 600, 3), np.uint8)
        cv2.circle(
            image, tuple(round(v * 16) for v in point), round(48 * scale), (255,) * 3, -1, 8, 4
        )
        crop = extract.align(image, points, side_px=size, margin=margin)[..., 0].astype(float)
        rows, columns = np.indices(crop.shape)
        centre = np.array([(crop * columns).sum(), (crop * rows).sum()]) / crop.sum()
        assert centre == pytest.approx((goal + margin * 112) / (1 + 2 * margin), abs=0.75)


def test_importing_the_extractor_is_light() -> None:
    code = (
        "import sys, avemo.faces.extract, avemo.faces.detectors\n"
        "print({'cv2', 'av', 'insightface', 'tensorflow', 'mtcnn', 'pooch'} & set(sys.modules))"
    )
    done = run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.slow
@pytest.mark.real
def test_a_face_in_every_frame_of_the_real_recordings(detector: Detector) -> None:
    files = sorted((SHARED / "ravdess/video").rglob("*.mp4"))
    if not files:
        pytest.skip("needs ../shared/ravdess/video")
    for file in files:
        extracted = extract.extract(file, load_settings(ROOT).faces, detector)
        assert len(extracted["times"]) == 16
        assert float(extracted["detection_rate"]) == 1, file.name
        assert extracted["n_other_faces"].sum() == extracted["interpolated"].sum() == 0
        assert len(extracted["faces"]) < 300_000
        assert np.abs(extracted["pose"]).max() < 30
        eyes, mouth = extracted["landmarks"][:, :2], extracted["landmarks"][:, 3:]
        assert (eyes[:, 0, 0] < eyes[:, 1, 0]).all()
        assert (mouth[:, 0, 0] < mouth[:, 1, 0]).all()
        assert (eyes[..., 1].max(axis=1) < mouth[..., 1].min(axis=1)).all()


@pytest.mark.slow
def test_faces_are_detected_where_they_are(detector: Detector) -> None:
    data = pytest.importorskip("skimage.data", reason="needs scikit-image's picture of a face")
    portrait = np.ascontiguousarray(data.astronaut()[..., ::-1])
    half = cv2.resize(portrait, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    nothing = np.zeros_like(portrait)
    large, small, none = detector.detect([portrait, half, nothing])
    assert none == []
    assert detector.detect([nothing]) == [[]]
    assert detector.detect([]) == []
    eyes = np.array([[204, 100], [245, 102]])
    (confident,) = [face for face in large if face.score > 0.6]
    assert confident.landmarks[:2] == pytest.approx(eyes, abs=6)
    assert confident.box.dtype == confident.landmarks.dtype == np.float32
    (confident,) = [face for face in small if face.score > 0.6]
    assert confident.landmarks[:2] == pytest.approx(eyes / 2, abs=4)
