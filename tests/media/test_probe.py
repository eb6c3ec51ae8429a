import io
import re
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from avemo.errors import MediaError
from avemo.media import scan
from avemo.media.container import MediaFile
from avemo.media.decoder import open_wav
from avemo.media.probe import probe

RAVDESS = Path(__file__).parents[2].parent / "shared" / "ravdess"
NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, 16000).astype("f")


def wav(
    sound: NDArray[np.floating], rate: int = 16000, subtype: str = "PCM_16", format: str = "WAV"
) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, sound, rate, subtype=subtype, format=format)
    return file.getvalue()


def film(
    *,
    to: Path | None = None,
    format: str = "mp4",
    frames: int = 25,
    rate: int = 25,
    sound: NDArray[np.floating] | None = NOISE,
    options: dict[str, str] | None = None,
) -> bytes:
    """A film of a changing grey, 64×48."""
    file = io.BytesIO()
    codecs = ("libvpx", "libopus") if format == "webm" else ("mpeg4", "aac")
    with av.open(to or file, "w", format=format, options=options or {}) as container:
        video = container.add_stream(codecs[0], rate=rate)
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = container.add_stream(codecs[1], rate=48000) if sound is not None else None
        for number in range(frames):
            picture = np.full((48, 64, 3), number * 7 % 256, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode(None))
        if sound is not None:
            assert isinstance(audio, av.AudioStream)
            frame = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
            frame.sample_rate = 16000
            resampler = av.AudioResampler(format="fltp", layout="mono", rate=48000)
            for block in (*resampler.resample(frame), *resampler.resample(None)):
                container.mux(audio.encode(block))
            container.mux(audio.encode(None))
    return to.read_bytes() if to else file.getvalue()


def opens_plainly(content: bytes) -> bool:
    """Return whether libsndfile reads a file, and not FFmpeg."""
    with MediaFile(content) as file:
        return open_wav(file) is not None


def test_wav() -> None:
    measures = probe(wav(np.stack([NOISE, NOISE], axis=1)))
    assert measures.duration_s == 1.0
    assert (measures.has_sound, measures.has_audio_stream, measures.has_picture) == (
        True,
        True,
        False,
    )
    assert (measures.sample_rate, measures.channels) == (16000, 2)
    assert measures.peak_dbfs == pytest.approx(-6, abs=0.1)
    assert (
        measures.width
        is measures.height
        is measures.frame_rate
        is measures.frames
        is measures.rotation
        is None
    )


def test_bytes_and_path_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(NOISE))
    assert probe(tmp_path / "a.wav") == probe(wav(NOISE))


PLAIN = ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"]


@pytest.mark.parametrize("format", ["WAV", "WAVEX"])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("subtype", PLAIN)
def test_a_plain_wav_is_measured_as_ffmpeg_measures_it(
    subtype: str, channels: int, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = np.random.default_rng(0).uniform(-1.2, 1.2, (9000, channels))
    content = wav(sound, 8000, subtype, format)
    assert opens_plainly(content)
    plain = vars(probe(content))
    monkeypatch.setattr(scan, "open_wav", lambda file: None)
    decoded = vars(probe(content))
    assert {name: value for name, value in plain.items() if value is not None} == pytest.approx(
        {name: value for name, value in decoded.items() if value is not None}, abs=1e-6
    )


def test_clipping() -> None:
    sound = np.repeat(NOISE[:, None], 2, axis=1)
    sound[:160] = 1.0
    assert probe(wav(sound)).clipped_ratio == 160 / 16000


@pytest.mark.parametrize("subtype", ["IMA_ADPCM", "ULAW", "GSM610"])
def test_other_wavs_are_decoded(subtype: str) -> None:
    content = wav(NOISE, subtype=subtype)
    assert not opens_plainly(content)
    assert probe(content).has_sound


@pytest.mark.parametrize("channels", [5, 9, 16])
def test_many_channels(channels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    content = wav(np.repeat(NOISE[:, None], channels, axis=1))
    plain = probe(content)
    monkeypatch.setattr(scan, "open_wav", lambda file: None)
    assert plain.channels == probe(content).channels == channels
    assert plain.peak_dbfs == pytest.approx(probe(content).peak_dbfs)


@pytest.mark.parametrize("subtype", ["FLOAT", "PCM_16"])
def test_a_long_wav_is_read_in_pieces(subtype: str, tmp_path: Path) -> None:
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 200_000)
    (tmp_path / "a.wav").write_bytes(wav(sound, subtype=subtype))
    measures = probe(tmp_path / "a.wav")
    assert measures.duration_s == 12.5
    assert measures.peak_dbfs == pytest.approx(20 * np.log10(np.abs(sound).max()), abs=1e-3)


@pytest.mark.parametrize("format", ["mp4", "webm", "matroska", "avi"])
def test_film(format: str) -> None:
    measures = probe(film(format=format))
    assert measures.has_sound
    assert measures.has_picture
    assert (measures.width, measures.height, measures.frames) == (64, 48, 25)
    assert measures.rotation == 0
    assert measures.frame_rate == pytest.approx(25, rel=0.05)
    assert measures.duration_s == pytest.approx(1, abs=0.1)


def test_silent_audio_stream_is_no_sound() -> None:
    measures = probe(film(sound=np.zeros(16000, "f")))
    assert measures.has_picture
    assert measures.has_audio_stream
    assert not measures.has_sound
    assert measures.peak_dbfs is not None
    assert measures.peak_dbfs < -60


def test_silence_is_a_matter_of_the_threshold() -> None:
    quiet = wav(NOISE / 1000)
    assert not probe(quiet).has_sound
    assert probe(quiet, silence_dbfs=-80.0).has_sound


def test_film_without_audio_stream() -> None:
    measures = probe(film(sound=None))
    assert measures.has_picture
    assert not measures.has_audio_stream
    assert not measures.has_sound
    assert measures.sample_rate is measures.channels is measures.peak_dbfs is None
    assert measures.clipped_ratio is None


def test_cover_picture_is_no_film() -> None:
    song, file = io.BytesIO(), io.BytesIO()
    soundfile.write(song, NOISE, 16000, format="MP3")
    song.seek(0)
    with av.open(file, "w", format="mp3") as container, av.open(song, "r") as source:
        audio = container.add_stream_from_template(source.streams.audio[0])
        cover = container.add_stream("png")
        cover.width, cover.height, cover.pix_fmt = 16, 16, "rgb24"
        cover.disposition = av.stream.Disposition.attached_pic
        picture = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
        container.mux(cover.encode(picture))
        for packet in source.demux(audio=0):
            if packet.size:
                packet.stream = audio
                container.mux(packet)
    with av.open(io.BytesIO(file.getvalue())) as container:
        assert len(container.streams.video) == 1
    measures = probe(file.getvalue())
    assert measures.has_sound
    assert not measures.has_picture


def unreadable(content: Path | bytes) -> str:
    with pytest.raises(MediaError) as error:
        probe(content)
    assert error.value.finding == "unreadable"
    return str(error.value)


def test_unreadable() -> None:
    unreadable(b"")
    unreadable(b"somebody renamed this text\n" * 100)
    unreadable(film()[:-2000])
    assert "nothing in media of 44 bytes decodes" in unreadable(wav(NOISE[:0]))


def test_what_is_not_there_is_unreadable(tmp_path: Path) -> None:
    assert "does not open" in unreadable(tmp_path / "a.wav")


def test_cut_short(tmp_path: Path) -> None:
    assert "is cut short: 16,022 of 32,044 bytes" in unreadable(wav(NOISE)[:16022])
    complete = film(to=tmp_path / "a.mp4", frames=100, options={"movflags": "faststart"})
    assert probe(complete).frames == 100
    assert re.search(
        r"cut short: \d\d% of its video is there", unreadable(complete[: len(complete) * 3 // 4])
    )


@pytest.mark.parametrize("subtype", ["PCM_16", "IMA_ADPCM"])
@pytest.mark.parametrize("more", [b"", b"LIST\x04\0\0\0INFO"], ids=["no tags", "tags"])
def test_a_wav_that_states_less_than_it_holds_is_read_as_players_read_it(
    subtype: str, more: bytes
) -> None:
    content = wav(NOISE, subtype=subtype) + more
    content = content[:4] + (len(content) - 8).to_bytes(4, "little") + content[8:]
    place = content.index(b"data") + 4
    stated = int.from_bytes(content[place : place + 4], "little")
    whole, half = probe(content), stated // 2
    patched = content[:place] + half.to_bytes(4, "little") + content[place + 4 :]
    shorter = probe(patched)
    assert whole.trailing_bytes == 0
    assert whole.duration_s == pytest.approx(1, abs=0.02)
    assert shorter.duration_s == pytest.approx(0.5, abs=0.04)
    assert shorter.trailing_bytes == pytest.approx(stated - half + len(more), abs=1)


def test_a_wav_whose_head_states_less_than_it_holds() -> None:
    content = wav(NOISE)
    patched = content[:4] + (16000).to_bytes(4, "little") + content[8:]
    assert probe(patched).trailing_bytes == len(content) - 16008
    assert probe(patched).duration_s == 1.0
    assert probe(wav(NOISE) + bytes(8)).trailing_bytes == 0  # filled up


def test_wav_from_a_pipe_is_not_cut_short() -> None:
    content = bytearray(wav(NOISE))
    content[4:8] = content[40:44] = b"\xff\xff\xff\xff"
    assert probe(bytes(content)).duration_s == 1.0


@pytest.mark.real
@pytest.mark.skipif(not RAVDESS.exists(), reason="../shared/ravdess is absent")
def test_real_films() -> None:
    for file in sorted((RAVDESS / "video").glob("*.mp4")):
        measures = probe(file)
        assert measures.has_picture
        assert measures.has_audio_stream
        assert measures.has_sound == file.name.startswith("01-"), file.name
        assert (measures.width, measures.height) == (1280, 720)
        assert measures.frame_rate == pytest.approx(29.97, abs=0.01)
        assert measures.frames == pytest.approx(measures.duration_s * 29.97, abs=2)
