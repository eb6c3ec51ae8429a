import doctest
from pathlib import Path

import numpy as np
import pytest
from helpers.films import write_film
from helpers.sounds import encoded, voice

from avemo.errors import MediaError
from avemo.media import clip
from avemo.media.clip import Clip
from avemo.media.frames import read_frames
from avemo.media.probe import probe
from avemo.media.sound import read_sound


def test_the_example_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "speech.wav").write_bytes(encoded(voice(16000, 2.0), 16000))
    result = doctest.testmod(clip)
    assert (result.failed, result.attempted) == (0, 1)


def test_a_path_and_its_content_are_the_same_recording(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    content = encoded(voice(16000), 16000)
    file.write_bytes(content)
    for source in (file, str(file), content):
        recording = Clip(source)
        assert recording.probe() == probe(file)
        np.testing.assert_array_equal(recording.sound(8000), read_sound(file, 8000))
    assert repr(Clip(file)) == "Clip(a.wav)"
    assert repr(Clip(content)) == f"Clip(media of {len(content):,} bytes)"


def test_the_frames_are_those_of_the_file(tmp_path: Path) -> None:
    film = write_film(tmp_path / "a.mkv")
    images = [frame.image for frame in Clip(film).frames(3)]
    np.testing.assert_array_equal(images, [frame.image for frame in read_frames(film, 3)])


def test_a_missing_file_is_a_finding_once_it_is_opened(tmp_path: Path) -> None:
    missing = Clip(tmp_path / "none.wav")
    for read in (missing.probe, missing.sound, lambda: missing.frames(1)):
        with pytest.raises(MediaError, match=r"none\.wav does not open") as error:
            read()
        assert error.value.finding == "unreadable"
