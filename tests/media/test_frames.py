import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from avemo.errors import MediaError
from avemo.media.container import MediaFile
from avemo.media.frames import MAX_SIDE_PX, read_frames

#: display matrices (a, b, c, d): a point (x, y) is shown at (a x + c y, b x + d y)
TURNS = [(1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0)]
MIRRORS = [(-1, 0, 0, 1), (1, 0, 0, -1), (0, 1, 1, 0), (0, -1, -1, 0)]

VIDEO = Path(__file__).parents[2] / "../shared/ravdess/video"


def clip(
    path: Path,
    frames: int = 40,
    *,
    size: tuple[int, int] = (64, 48),
    codec: str = "libx264",
    pixels: str = "yuv420p",
    gop: int = 12,
    rotation: int = 0,
    wide: int = 1,
    times: Sequence[int] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """A clip at 20 frames a second; each frame's number stands in it, in binary, as white squares.

    The lowest digit is the top left square. `times` are when the frames are shown, in twentieths.
    """
    if codec not in av.codecs_available:
        pytest.skip(f"PyAV's wheel has no {codec} here")
    width, height = size
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=20)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        stream.codec_context.gop_size = gop
        stream.codec_context.sample_aspect_ratio = Fraction(wide)
        if rotation:
            stream.set_display_rotation(rotation)
        for index in range(frames):
            digits = np.array([index >> digit & 1 for digit in range(6)], np.uint8).reshape(2, 3)
            image = np.kron(digits, np.full((16, 16), 255, np.uint8))
            image = np.pad(image, ((0, height - 32), (0, width - 48)))[..., None].repeat(3, axis=2)
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = times[index] if times else index, Fraction(1, 20)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def numbers(path: Path | bytes, count: int) -> list[int]:
    """Return the numbers of the frames of `clip` that are read."""
    images = [frame.image[:32, :48] for frame in read_frames(path, count)]
    squares = [image.reshape(2, 16, 3, 16, 3).mean(axis=(1, 3, 4)) > 127 for image in images]
    return [int((square.ravel() << np.arange(6)).sum()) for square in squares]


@pytest.mark.parametrize("gop", [4, 12, 250])
def test_frames_stand_at_the_centres_of_equal_spans(tmp_path: Path, gop: int) -> None:
    path = clip(tmp_path / "clip.mp4", gop=gop)
    frames = list(read_frames(path, 4))
    assert numbers(path, 4) == [5, 15, 25, 35]
    assert [frame.time_s for frame in frames] == pytest.approx([0.25, 0.75, 1.25, 1.75])
    assert frames[0].image.shape == (48, 64, 3)
    assert frames[0].image.dtype == np.uint8


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mkv", "libx264"), ("a.webm", "libvpx"), ("a.avi", "mpeg4")]
)
def test_headers_without_a_count_of_frames_will_do(tmp_path: Path, name: str, codec: str) -> None:
    path = clip(tmp_path / name, codec=codec)
    assert numbers(path, 4) == pytest.approx([5, 15, 25, 35], abs=1)


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("ten_bits.mp4", "libx264", "yuv420p10le"),
        ("hevc.mp4", "libx265", "yuv420p10le"),
        ("vp9.webm", "libvpx-vp9", "yuv420p"),
        ("av1.mp4", "libsvtav1", "yuv420p"),
        ("av1.mkv", "libsvtav1", "yuv420p10le"),
        ("sorenson.flv", "flv", "yuv420p"),
        ("h264.flv", "libx264", "yuv420p"),
        ("mpeg4.avi", "mpeg4", "yuv420p"),
        ("motion_jpeg.avi", "mjpeg", "yuvj420p"),
        ("prores.mov", "prores_ks", "yuv422p10le"),
    ],
)
def test_every_codec(tmp_path: Path, name: str, codec: str, pixels: str) -> None:
    path = clip(tmp_path / name, codec=codec, pixels=pixels, size=(128, 96))
    assert numbers(path, 4) == pytest.approx([5, 15, 25, 35], abs=1)


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("odd.mp4", "libx264", "yuv444p"),
        ("odd.webm", "libvpx-vp9", "yuv420p"),
        ("odd.mkv", "ffv1", "yuv420p"),
    ],
)
def test_odd_sizes(tmp_path: Path, name: str, codec: str, pixels: str) -> None:
    path = clip(tmp_path / name, codec=codec, pixels=pixels, size=(321, 243))
    assert next(read_frames(path, 1)).image.shape == (243, 321, 3)
    assert numbers(path, 4) == [5, 15, 25, 35]


@pytest.mark.parametrize("name", ["varied.mp4", "varied.mkv"])
def test_a_varying_rate_is_spread_over_time(tmp_path: Path, name: str) -> None:
    """A second of 20 frames, then four of 5 each."""
    times = [*range(20), *range(20, 100, 4)]
    path = clip(tmp_path / name, times=times)
    assert numbers(path, 5) == [9, 22, 27, 32, 37]
    seconds = [frame.time_s for frame in read_frames(path, 5)]
    assert seconds == pytest.approx([0.45, 1.4, 2.4, 3.4, 4.4], abs=0.002)


@pytest.mark.parametrize(
    ("span", "expected"),
    [((1.0, 1.99), [22, 27, 32, 37]), ((-1, 0.2), [0, 1, 3, 4]), ((7.0, 8.0), [5, 15, 25, 35])],
)
def test_a_part_of_the_clip(tmp_path: Path, span: tuple[float, float], expected: list[int]) -> None:
    path = clip(tmp_path / "clip.mp4")
    indices = [round(frame.time_s * 20) for frame in read_frames(path, 4, span)]
    assert indices == pytest.approx(expected, abs=1)


def test_pixels_that_are_not_square_are_made_so(tmp_path: Path) -> None:
    image = next(read_frames(clip(tmp_path / "clip.mp4", wide=2), 1)).image
    assert image.shape == (48, 128, 3)


def damaged(path: Path, broken: range, seed: int = 0) -> bytes:
    """A file in which some pictures are noise."""
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        places = [(packet.pos, packet.size) for packet in packets if packet.pos is not None]
    noise = np.random.default_rng(seed)
    for start, size in (places[index] for index in broken):
        content[start + 6 : start + size] = noise.bytes(size - 6)
    return bytes(content)


def test_frames_that_do_not_decode_are_left_out(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.webm", codec="libvpx-vp9")
    assert numbers(path, 40) == list(range(40))
    decoded = numbers(damaged(path, range(20, 23)), 40)
    assert len(decoded) == 37
    assert decoded[:20] == list(range(20))
    assert decoded[-16:] == list(range(24, 40))  # from the next key frame on
    with pytest.raises(MediaError, match="of 40 frames could be decoded") as raised:
        numbers(damaged(path, range(5, 40)), 40)
    assert raised.value.finding == "unreadable"


def test_one_thread_decodes_for_damage_looks_otherwise_with_more(tmp_path: Path) -> None:
    with MediaFile(clip(tmp_path / "clip.mp4")) as file, file.container() as container:
        assert [stream.codec_context.thread_count for stream in container.streams] == [1]


def test_a_file_that_damage_gives_another_stream_is_unreadable(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.flv", codec="flv", size=(320, 240))
    with pytest.raises(MediaError, match="begins midway") as raised:
        list(read_frames(damaged(path, range(20, 24), seed=5), 16))
    assert raised.value.finding == "unreadable"


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
    path = clip(tmp_path / "clip.mp4", 2, size=(2 * MAX_SIDE_PX, MAX_SIDE_PX))
    assert next(read_frames(path, 1)).image.shape == (MAX_SIDE_PX // 2, MAX_SIDE_PX, 3)


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
@pytest.mark.parametrize("share", [0.02, 0.4, 0.8])
def test_a_truncated_file_is_unreadable(
    tmp_path: Path, flags: dict[str, str], share: float
) -> None:
    content = clip(tmp_path / "clip.mp4", options=flags).read_bytes()
    with pytest.raises(MediaError) as raised:
        list(read_frames(content[: int(share * len(content))], 4))
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


@pytest.mark.slow
@pytest.mark.real
def test_the_real_recordings_give_all_that_is_asked() -> None:
    files = sorted(VIDEO.rglob("*.mp4"))
    if not files:
        pytest.skip("needs ../shared/ravdess/video")
    for file in files:
        frames = list(read_frames(file, 8))
        steps = np.diff([frame.time_s for frame in frames])
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
            if frame.pts is not None and frame.time_base is not None
        }
    frames = list(read_frames(path, count))
    assert len(frames) == count
    for frame in frames:
        np.testing.assert_array_equal(frame.image, pictures[frame.time_s])


def show_by(file: Path, a: int, b: int, c: int, d: int) -> Path:
    """Write a display matrix into the track of an MP4 (ISO/IEC 14496-12, 8.3.2)."""
    content = bytearray(file.read_bytes())
    start = content.index(b"tkhd") + 4 + 40  # after version, flags, times, ids, layer and volume
    shift = [64 * 65536 if min(a, c) < 0 else 0, 48 * 65536 if min(b, d) < 0 else 0]
    values = [a * 65536, b * 65536, 0, c * 65536, d * 65536, 0, *shift, 1 << 30]
    content[start : start + 36] = struct.pack(">9i", *values)
    file.write_bytes(content)
    return file


@pytest.mark.parametrize(("a", "b", "c", "d"), [*MIRRORS, *TURNS])
def test_a_picture_is_mirrored_and_turned_as_its_matrix_says(
    tmp_path: Path, a: int, b: int, c: int, d: int
) -> None:
    path = show_by(clip(tmp_path / "clip.mp4", 2), a, b, c, d)
    image = list(read_frames(path, 2))[1].image
    width, height = (64, 48) if a else (48, 64)
    assert image.shape == (height, width, 3)
    # the second frame is white in its top left square, whose middle is shown at
    x, y = (8 * a + 8 * c) % width, (8 * b + 8 * d) % height
    assert image[y - 6 : y + 6, x - 6 : x + 6].mean() > 240
    assert image.mean() < 40
