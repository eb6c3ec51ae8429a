from pathlib import PurePath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avemo.corpus.adapters.ravdess import EMOTIONS, Recording, parse

two = st.integers(1, 2)
recordings = st.builds(
    Recording,
    modality=st.integers(1, 3),
    channel=two,
    emotion=st.integers(1, 8),
    intensity=two,
    statement=two,
    repetition=two,
    actor=st.integers(1, 99),
)


@settings(deadline=None)
@given(recordings)
def test_a_name_and_its_file_are_read_back(recording: Recording) -> None:
    assert parse(recording.id) == recording
    assert parse(str(recording.file)) == recording


@settings(deadline=None)
@given(recordings, recordings)
def test_recordings_share_a_performance_if_only_the_modality_differs(
    recording: Recording, other: Recording
) -> None:
    same = (recording.performance, recording.modality) == (other.performance, other.modality)
    assert same == (recording == other)
    assert parse(f"01-{recording.performance}").performance == recording.performance


def test_an_example_of_the_published_code() -> None:
    video = parse("02-01-06-01-02-01-12.mp4")
    assert video == Recording(2, 1, 6, 1, 2, 1, 12)
    assert video.performance == "01-06-01-02-01-12"
    assert video.label == "fearful"
    assert video.sex == "female"


def test_labels_and_sexes() -> None:
    assert [Recording(3, 1, code, 1, 1, 1, 1).label for code in range(1, 9)] == list(EMOTIONS)
    assert [Recording(3, 1, 1, 1, 1, 1, actor).sex for actor in (1, 2)] == ["male", "female"]


@pytest.mark.parametrize(
    ("modality", "channel", "folder", "suffix"),
    [
        (3, 1, "Audio_Speech_Actors_01-24", ".wav"),
        (3, 2, "Audio_Song_Actors_01-24", ".wav"),
        (1, 1, "Video_Speech_Actor_07", ".mp4"),
        (2, 2, "Video_Song_Actor_07", ".mp4"),
    ],
)
def test_files_stand_where_the_archives_unpack_them(
    modality: int, channel: int, folder: str, suffix: str
) -> None:
    recording = Recording(modality, channel, 5, 2, 1, 2, 7)
    name = f"0{modality}-0{channel}-05-02-01-02-07{suffix}"
    assert recording.file == PurePath(folder, "Actor_07", name)


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("04-01-05-02-01-02-12.wav", "modality 04"),
        ("03-03-05-02-01-02-12.wav", "channel 03"),
        ("03-01-09-02-01-02-12.wav", "emotion 09"),
        ("03-01-00-02-01-02-12.wav", "emotion 00"),
        ("03-01-05-03-01-02-12.wav", "intensity 03"),
        ("03-01-05-02-00-02-12.wav", "statement 00"),
        ("03-01-05-02-01-03-12.wav", "repetition 03"),
        ("03-01-05-02-01-02-00.wav", "actor 00"),
        ("03-01-05-02-01-02.wav", "seven"),
        ("03-01-05-02-01-02-12-01.wav", "seven"),
        ("3-1-5-2-1-2-12.wav", "two-digit"),
        ("03-01-05-02-01-02-1a.wav", "two-digit"),
        ("03-01-05-02-01-02--1.wav", "two-digit"),
        ("03-01-05-02-01-02-12 (1).wav", "two-digit"),
        ("03_01_05_02_01_02_12.wav", "two-digit"),
        ("٠3-01-05-02-01-02-12.wav", "two-digit"),
        ("", "seven"),
    ],
)
def test_a_name_outside_the_code_is_refused(name: str, named: str) -> None:
    with pytest.raises(ValueError, match=named) as error:
        parse(name)
    assert repr(PurePath(name).stem) in str(error.value)
