from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from avemo.errors import MediaError
from avemo.media.picture import LONGEST, read_frames

VIDEO = Path(__file__).parents[2] / "../shared/ravdess/video"


def clip(
    path: Path,
    frames: int = 40,
    *,
    size: tuple[int, int] = (64, 48),
    codec: str = "libx264",
    gop: int = 12,
    rotation: int = 0,
    options: dict[str, str] | None = None,
) -> Path:
    """A clip at 20 frames a second; each frame's number stands in it, in binary, as white squares.

    The lowest digit is the top left square.
    """
    width, height = size
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=20)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.gop_size = gop
        if rotation:
            stream.set_display_rotation(rotation)
        for index in range(frames):
            digits = np.array([index >> digit & 1 for digit in range(6)], np.uint8).reshape(2, 3)
            image = np.kron(digits, np.full((16, 16), 255, np.uint8))
            image = np.pad(image, ((0, height - 32), (0, width - 48)))[..., None].repeat(3, axis=2)
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = index, Fraction(1, 20)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def numbers(path: Path | bytes, count: int) -> list[int]:
    """Which frames of `clip` were read."""
    images = [frame.image[:32, :48] for frame in read_frames(path, count)]
    squares = [image.reshape(2, 16, 3, 16, 3).mean(axis=(1, 3, 4)) > 127 for image in images]
    return [int((square.ravel() << np.arange(6)).sum()) for square in squares]


@pytest.mark.parametrize("gop", [4, 12, 250])
def test_frames_stand_at_the_centres_of_equal_spans(tmp_path: Path, gop: int) -> None:
    path = clip(tmp_path / "clip.mp4", gop=gop)
    frames = list(read_frames(path, 4))
    assert numbers(path, 4) == [5, 15, 25, 35]
    assert [frame.time for frame in frames] == pytest.approx([0.25, 0.75, 1.25, 1.75])
    assert frames[0].image.shape == (48, 64, 3)
    assert frames[0].image.dtype == np.uint8


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mkv", "libx264"), ("a.webm", "libvpx"), ("a.avi", "mpeg4")]
)
def test_headers_without_a_count_of_frames_will_do(tmp_path: Path, name: str, codec: str) -> None:
    path = clip(tmp_path / name, codec=codec)
    assert numbers(path, 4) == pytest.approx([5, 15, 25, 35], abs=1)


def test_fragments_have_no_count_either(tmp_path: Path) -> None:
    flags = {"movflags": "frag_keyframe+empty_moov"}
    assert numbers(clip(tmp_path / "clip.mp4", options=flags), 4) == [5, 15, 25, 35]


def test_bytes_are_read_as_a_file_is(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4")
    assert numbers(path.read_bytes(), 8) == numbers(path, 8)


@pytest.mark.parametrize("length", [1, 3])
def test_a_short_clip_gives_what_it_has(tmp_path: Path, length: int) -> None:
    assert numbers(clip(tmp_path / "clip.mp4", length), 8) == list(range(length))


def test_every_frame_once_when_all_are_wanted(tmp_path: Path) -> None:
    assert numbers(clip(tmp_path / "clip.mp4"), 40) == list(range(40))


def test_the_picture_is_turned_upright(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4", 2, rotation=90)
    image = list(read_frames(path, 2))[1].image
    assert image.shape == (64, 48, 3)
    assert image[50:62, 2:14].mean() > 240  # counter-clockwise: top left comes to bottom left
    assert image[:46].mean() < 10


def test_a_large_picture_is_scaled_down(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4", 2, size=(2 * LONGEST, LONGEST))
    assert next(read_frames(path, 1)).image.shape == (LONGEST // 2, LONGEST, 3)


def test_what_is_no_video_is_said_to_be_unreadable(tmp_path: Path) -> None:
    empty, text = tmp_path / "empty.mp4", tmp_path / "text.mp4"
    empty.touch()
    text.write_text("this is a letter, renamed\n" * 200)
    playlist = (
        b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n"
    )
    for source in (empty, b"", text, text.read_bytes(), playlist):
        with pytest.raises(MediaError) as raised:
            list(read_frames(source, 4))
        assert raised.value.finding == "unreadable"


@pytest.mark.parametrize("flags", [{}, {"movflags": "faststart"}])
@pytest.mark.parametrize("kept", [0.02, 0.4, 0.8])
def test_a_truncated_file_is_unreadable(tmp_path: Path, flags: dict[str, str], kept: float) -> None:
    whole = clip(tmp_path / "clip.mp4", options=flags).read_bytes()
    with pytest.raises(MediaError) as raised:
        list(read_frames(whole[: int(kept * len(whole))], 4))
    assert raised.value.finding == "unreadable"


def test_sound_alone_has_no_picture(tmp_path: Path) -> None:
    path = tmp_path / "sound.m4a"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 16000), np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate, frame.pts = 16000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(MediaError) as raised:
        list(read_frames(path, 4))
    assert raised.value.finding == "no-picture"


@pytest.mark.real
def test_the_real_recordings_give_all_that_is_asked() -> None:
    files = sorted(VIDEO.rglob("*.mp4"))
    if not files:
        pytest.skip("needs ../shared/ravdess/video")
    for file in files:
        frames = list(read_frames(file, 8))
        steps = np.diff([frame.time for frame in frames])
        assert len(frames) == 8
        assert frames[0].image.shape == (720, 1280, 3)
        assert steps.max() - steps.min() < 0.04


@pytest.mark.parametrize("count", [3, 7])
def test_skipping_what_nothing_is_made_from_changes_no_picture(tmp_path: Path, count: int) -> None:
    """Against every frame decoded, in a clip where most are shown before what they refer to."""
    path = clip(tmp_path / "clip.mp4", gop=250)
    with av.open(str(path)) as container:
        pictures = {
            float(frame.pts * frame.time_base): frame.to_ndarray(format="bgr24")
            for frame in container.decode(video=0)
        }
    found = list(read_frames(path, count))
    assert len(found) == count
    for frame in found:
        np.testing.assert_array_equal(frame.image, pictures[frame.time])
