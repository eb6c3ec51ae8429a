import io
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from avemo.errors import MediaError
from avemo.media.probe import probe

RAVDESS = Path(__file__).parents[2].parent / "shared" / "ravdess"
NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, 16000).astype("f")


def wav(sound, rate=16000):
    file = io.BytesIO()
    soundfile.write(file, sound, rate, subtype="PCM_16", format="WAV")
    return file.getvalue()


def film(*, to=None, format="mp4", frames=25, rate=25, sound=NOISE, options=None):
    """A film of a changing grey, 64×48."""
    file = to or io.BytesIO()
    codecs = ("libvpx", "libopus") if format == "webm" else ("mpeg4", "aac")
    with av.open(file, "w", format=format, options=options or {}) as container:
        video = container.add_stream(codecs[0], rate=rate)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = container.add_stream(codecs[1], rate=48000) if sound is not None else None
        for number in range(frames):
            picture = np.full((48, 64, 3), number * 7 % 256, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode(None))
        if audio is not None:
            frame = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
            frame.sample_rate = 16000
            resampler = av.AudioResampler(format="fltp", layout="mono", rate=48000)
            for block in (*resampler.resample(frame), *resampler.resample(None)):
                container.mux(audio.encode(block))
            container.mux(audio.encode(None))
    return to.read_bytes() if to else file.getvalue()


def test_wav():
    found = probe(wav(np.stack([NOISE, NOISE], axis=1)))
    assert found.duration_s == 1.0
    assert (found.has_sound, found.has_audio_stream, found.has_picture) == (True, True, False)
    assert (found.sample_rate, found.channels) == (16000, 2)
    assert found.peak_dbfs == pytest.approx(-6, abs=0.1)
    assert found.width is found.height is found.frame_rate is found.frames is found.rotation is None


def test_bytes_and_path_are_the_same(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav(NOISE))
    assert probe(tmp_path / "a.wav") == probe(wav(NOISE))


@pytest.mark.parametrize("format", ["mp4", "webm", "matroska", "avi"])
def test_film(format):
    found = probe(film(format=format))
    assert found.has_sound
    assert found.has_picture
    assert (found.width, found.height, found.frames) == (64, 48, 25)
    assert found.rotation == 0
    assert found.frame_rate == pytest.approx(25, rel=0.05)
    assert found.duration_s == pytest.approx(1, abs=0.1)


def test_silent_audio_stream_is_no_sound():
    found = probe(film(sound=np.zeros(16000, "f")))
    assert found.has_picture
    assert found.has_audio_stream
    assert not found.has_sound
    assert found.peak_dbfs < -60


def test_silence_is_a_matter_of_the_threshold():
    quiet = wav(NOISE / 1000)
    assert not probe(quiet).has_sound
    assert probe(quiet, silence_dbfs=-80.0).has_sound


def test_film_without_audio_stream():
    found = probe(film(sound=None))
    assert found.has_picture
    assert not found.has_audio_stream
    assert not found.has_sound
    assert found.sample_rate is found.channels is found.peak_dbfs is None


def test_cover_picture_is_no_film():
    song, file = io.BytesIO(), io.BytesIO()
    soundfile.write(song, NOISE, 16000, format="MP3")
    song.seek(0)
    with av.open(file, "w", format="mp3") as container, av.open(song) as source:
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
    found = probe(file.getvalue())
    assert found.has_sound
    assert not found.has_picture


def unreadable(content):
    with pytest.raises(MediaError) as error:
        probe(content)
    assert error.value.finding == "unreadable"
    return str(error.value)


def test_unreadable():
    unreadable(b"")
    unreadable(b"somebody renamed this text\n" * 100)
    unreadable(film()[:-2000])
    assert "nothing in media of 44 bytes decodes" in unreadable(wav(NOISE[:0]))


def test_cut_short(tmp_path):
    assert "is cut short: 16,022 of 32,044 bytes" in unreadable(wav(NOISE)[:16022])
    whole = film(to=tmp_path / "a.mp4", frames=100, options={"movflags": "faststart"})
    assert probe(whole).frames == 100
    assert "of 100 video frames" in unreadable(whole[: len(whole) * 3 // 4])


def test_wav_from_a_pipe_is_not_cut_short():
    content = bytearray(wav(NOISE))
    content[4:8] = content[40:44] = b"\xff\xff\xff\xff"
    assert probe(bytes(content)).duration_s == 1.0


@pytest.mark.real
@pytest.mark.skipif(not RAVDESS.exists(), reason="../shared/ravdess is absent")
def test_real_films():
    for file in sorted((RAVDESS / "video").glob("*.mp4")):
        found = probe(file)
        assert found.has_picture
        assert found.has_audio_stream
        assert found.has_sound == file.name.startswith("01-"), file.name
        assert (found.width, found.height) == (1280, 720)
        assert found.frame_rate == pytest.approx(29.97, abs=0.01)
        assert found.frames == pytest.approx(found.duration_s * 29.97, abs=2)
