"""Where a clip is heard, in which channel and track, without decoding it twice."""

from pathlib import Path

import numpy as np
import pytest
from helpers.odd_films import VOICE_S, OddFilm, write_odd_film

from avemo.media import clip as clip_module
from avemo.media.clip import Clip
from avemo.media.sandbox import Sandbox
from avemo.media.scan import Scan, Streams
from avemo.media.sound import PowerTrack, Voice


@pytest.mark.parametrize("kept_samples", [2**23, 1000], ids=["kept", "too long to be kept"])
def test_what_was_heard_is_not_decoded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept_samples: int
) -> None:
    scans: list[Scan] = []

    class Counted(Scan):
        def __init__(self, *arguments: object, **options: object) -> None:
            super().__init__(*arguments, **options)  # type: ignore[arg-type]
            scans.append(self)

    monkeypatch.setattr(clip_module, "Scan", Counted)
    monkeypatch.setattr(clip_module, "_MAX_KEPT_SAMPLES", kept_samples)
    file = write_odd_film(tmp_path, OddFilm("mkv", late_s=0.5))
    with Clip(file) as clip:
        clip.sound(16000)
        before = len(scans)
        voice = clip.voice(30.0)
        assert voice == clip.voice(30.0)
        assert clip.voice(60.0)
        assert len(scans) == before
    assert Clip(file).voice(30.0) == voice


@pytest.mark.parametrize(
    ("film", "channels", "track"),
    [
        (OddFilm("mkv"), [None], None),
        (OddFilm("mkv", channels="stereo"), [None], None),
        (OddFilm("mkv", channels="opposite"), [0, 1], None),
        (OddFilm("mkv", comment=True), [None], 1),
    ],
    ids=["mono", "stereo", "channels that cancel each other", "a comment first"],
)
def test_the_channel_and_the_track_that_are_taken(
    tmp_path: Path, film: OddFilm, channels: list[int | None], track: int | None
) -> None:
    file = write_odd_film(tmp_path, film)
    with Clip(file) as clip:
        voice, streams = clip.voice(30.0), clip.streams()
    assert voice
    assert voice.channel in channels
    assert voice.voiced_s == pytest.approx(VOICE_S, abs=0.1)
    assert voice.span == pytest.approx((0, VOICE_S), abs=0.1)
    assert streams == Streams(sound=True, picture=True, audio_track=track)
    sandbox = Sandbox(1)
    try:
        with sandbox.open(file) as job:
            assert job.clip.voice(30.0) == voice
            assert job.clip.streams() == streams
    finally:
        sandbox.close()


def test_a_pause_counts_for_the_span_and_not_for_the_voice() -> None:
    tone = np.sin(np.arange(16000) / 5).astype(np.float32)
    track = PowerTrack()
    for block in (tone * 0, tone, tone * 0, tone, tone * 0):
        track.add((16000, block))
    assert track.locate_voice(30.0, start_s=10.0) == Voice(11.0, 14.0, 2.0)
    assert PowerTrack().locate_voice(30.0) is None
