"""Films of drawn heads, from file to faces."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from avemo.cli import main
from avemo.config import load_settings
from avemo.errors import MediaError
from avemo.faces import extract
from avemo.faces.detectors import Detector
from avemo.synthetic.face import draw_frames

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SETTINGS = load_settings(ROOT).faces.model_copy(update={"frames": 8})
LENGTH = 16


def film(path: Path, pictures: Iterable[np.ndarray], *, rotation: int = 0) -> Path:
    """A film of 10 pictures a second."""
    with av.open(str(path), "w") as container:
        options = {"threads": "1", "x264-params": "mbtree=0"}
        stream = container.add_stream("libx264", rate=10, options=options)
        if rotation:
            stream.set_display_rotation(rotation)
        for index, picture in enumerate(pictures):
            if not index:
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = "yuv420p"
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="bgr24")
            frame.pts, frame.time_base = index, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def head(actor: int) -> list[np.ndarray]:
    """An actor who says nothing, 320 × 240; the face is about 120 pixels large."""
    return list(draw_frames(actor, 0, 1.0, np.zeros(LENGTH), seed=1, take=1))


def on_canvas(pictures: Iterable[np.ndarray], left: int = 0) -> list[np.ndarray]:
    """Pictures on a wall of 640 × 480."""
    wall = np.full((480, 640, 3), (150, 160, 150), np.uint8)
    out = []
    for picture in pictures:
        height, width = picture.shape[:2]
        canvas = wall.copy()
        canvas[100 : 100 + height, left : left + width] = picture
        out.append(canvas)
    return out


def finding(path: Path, detector: Detector) -> str:
    with pytest.raises(MediaError) as raised:
        extract.extract(path, SETTINGS, detector)
    return raised.value.finding


def test_who_stays_is_followed_past_who_passes(tmp_path: Path, detector: Detector) -> None:
    pictures = on_canvas(head(1))
    passing = [cv2.resize(picture[20:220, 85:235], None, fx=1.8, fy=1.8) for picture in head(2)]
    for index in (6, 7, 8):
        pictures[index][:360, 370:] = passing[index]
    extracted = extract.extract(film(tmp_path / "two.mp4", pictures), SETTINGS, detector)
    assert len(extracted["times"]) == 8
    assert extracted["n_other_faces"].sum() in (1, 2)
    assert (extracted["boxes"][:, 2] < 320).all()
    assert float(extracted["detection_rate"]) == 1


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_film_that_turns_sideways(tmp_path: Path, detector: Detector, rotation: int) -> None:
    upright = extract.extract(film(tmp_path / "upright.mp4", head(1)), SETTINGS, detector)
    stored = [np.rot90(picture, -rotation // 90) for picture in head(1)]
    path = film(tmp_path / "turned.mp4", stored, rotation=rotation)
    extracted = extract.extract(path, SETTINGS, detector)
    assert extracted["landmarks"] == pytest.approx(upright["landmarks"], abs=5)
    np.testing.assert_array_equal(extracted["times"], upright["times"])


def test_the_middle_frame_alone(tmp_path: Path, detector: Detector) -> None:
    middle = SETTINGS.model_copy(update={"spread": "middle"})
    extracted = extract.extract(film(tmp_path / "film.mp4", head(1)), middle, detector)
    assert extracted["times"] == pytest.approx([0.7], abs=0.11)


def test_findings(tmp_path: Path, detector: Detector) -> None:
    wall = np.random.default_rng(0).integers(60, 180, (12, 16, 3), np.uint8)
    nobody = [cv2.resize(np.roll(wall, index, axis=1), (320, 240)) for index in range(LENGTH)]
    black = [np.zeros((240, 320, 3), np.uint8)] * LENGTH
    small = [
        cv2.resize(picture, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA)
        for picture in head(1)
    ]
    half = [picture[:, 160:] for picture in head(1)]
    assert finding(film(tmp_path / "nobody.mp4", nobody), detector) == "no-face"
    assert finding(film(tmp_path / "black.mp4", black), detector) == "too-dark"
    assert finding(film(tmp_path / "half.mp4", half), detector) in ("cut-off", "no-face")
    small_film = film(tmp_path / "small.mp4", on_canvas(small))
    assert finding(small_film, detector) in ("face-too-small", "no-face")


def test_a_sheet_of_faces(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    good = film(tmp_path / "good.mp4", head(1))
    black = film(tmp_path / "black.mp4", [np.zeros((240, 320, 3), np.uint8)] * 3)
    sheet = tmp_path / "sheet.png"
    assert main(["faces", "sheet", str(black), "--output", str(sheet)]) == 1
    assert "no page is written" in capsys.readouterr().err
    assert not sheet.exists()
    assert main(["faces", "sheet", str(good), str(black), "--output", str(sheet)]) == 1
    output = capsys.readouterr()
    assert "black.mp4: too-dark: the frames are too dark" in output.err
    assert output.out == f"{sheet} is written: 16 faces, from 1 of 2 clips\n"
    page = cv2.imread(str(sheet))
    assert page is not None
    assert page.shape == (20 + 112 + 20, 16 * 112, 3)
    assert main(["faces", "sheet", str(good), "--output", str(tmp_path / "sheet")]) == 1
    assert "no ending of a picture: call it sheet.png" in capsys.readouterr().err
