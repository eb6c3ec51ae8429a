from dataclasses import asdict
from pathlib import PurePath
from typing import Any, Literal

import pandas as pd
import pytest

from avemo.corpus import checks
from avemo.corpus.adapters.ravdess import CHANNELS, EMOTIONS, parse
from avemo.settings import Catalogue, ConfigurableFinding

FINDINGS: tuple[ConfigurableFinding, ...] = (
    "silent",
    "too-short",
    "clipped",
    "trailing",
    "folder",
    "emotion",
    "identical",
)
WARN: dict[ConfigurableFinding, Literal["exclude", "warn"]] = dict.fromkeys(FINDINGS, "warn")
SETTINGS = Catalogue(
    max_set_aside=0.05,
    min_duration_s=0.3,
    silence_dbfs=-60.0,
    max_clipped_ratio=0.001,
    findings=WARN,
)
EXCLUDE = SETTINGS.model_copy(update={"findings": dict.fromkeys(WARN, "exclude")})
FINE = "03-01-05-02-01-02-12"


def recordings(*paths: str, **columns: Any) -> pd.DataFrame:
    """Rows as measured: nothing is wrong but what the columns say, a value a path."""
    named = [parse(path) for path in paths]
    rows = pd.DataFrame([asdict(recording) for recording in named])
    rows = rows.assign(
        path=[PurePath(path).as_posix() for path in paths],
        recording=[recording.id for recording in named],
        corpus="ravdess",
        actor=[f"{recording.actor:02d}" for recording in named],
        emotion=[recording.label for recording in named],
        corpus_emotion=[recording.label for recording in named],
        sha256=[f"content of {path}" for path in paths],
        duration_s=3.5,
        has_sound=rows["modality"].ne(2),
        clipped_ratio=0.0,
        trailing_bytes=0,
        finding="",
        reason="",
        **dict.fromkeys(("sample_rate", "channels", "heard_channel", "peak_dbfs"), 0),
        **dict.fromkeys(("width", "height", "frames", "rotation", "frame_rate")),
    )
    return rows.assign(**columns)


def check(rows: pd.DataFrame, settings: Catalogue) -> tuple[dict[str, str], dict[str, str]]:
    """Findings and warnings by path."""
    checked = checks.apply_checks(rows, settings).set_index("path")
    assert (checked["reason"].eq("") == checked["finding"].eq("")).all()
    findings, warnings = (
        {str(path): str(value) for path, value in checked[name].items()}
        for name in ("finding", "warnings")
    )
    return findings, warnings


@pytest.mark.parametrize(
    ("finding", "path", "columns"),
    [
        ("too-short", f"{FINE}.wav", {"duration_s": 0.29}),
        ("silent", f"{FINE}.wav", {"has_sound": False}),
        ("clipped", f"{FINE}.wav", {"clipped_ratio": 0.0011}),
        ("trailing", f"{FINE}.wav", {"trailing_bytes": 1600}),
        ("folder", f"Actor_11/{FINE}.wav", {}),
        ("folder", f"Actor_12/Actor_11/{FINE}.wav", {}),
        ("emotion", "03-02-07-01-01-01-12.wav", {}),
        ("emotion", "03-02-08-01-01-01-12.wav", {}),
        ("emotion", "03-01-01-02-01-01-12.wav", {}),
        ("emotion", "03-02-01-02-01-01-12.wav", {}),
    ],
)
def test_the_settings_say_what_a_finding_does(
    finding: str, path: str, columns: dict[str, float]
) -> None:
    rows = recordings("03-01-03-01-01-01-01.wav", path)
    for column, value in columns.items():
        rows.loc[1, column] = value
    fine = rows.loc[0, "path"]
    assert check(rows, SETTINGS) == ({fine: "", path: ""}, {fine: "", path: finding})
    assert check(rows, EXCLUDE) == ({fine: "", path: finding}, {fine: "", path: ""})


@pytest.mark.parametrize(
    ("path", "columns"),
    [
        (f"{FINE}.wav", {"duration_s": 0.3}),
        (f"{FINE}.wav", {"clipped_ratio": 0.001}),
        (f"Actor_11/Actor_12/{FINE}.wav", {}),
        (f"Audio_Actor_11/{FINE}.wav", {}),
        ("01-01-05-02-01-02-12.mp4", {"has_sound": False}),  # there is a picture
        ("02-01-05-02-01-02-12.mp4", {"has_sound": False, "clipped_ratio": None}),
        ("03-01-08-02-01-01-12.wav", {}),
        ("03-02-06-02-01-01-12.wav", {}),
        ("03-02-01-01-01-01-12.wav", {}),
    ],
)
def test_what_is_fine(path: str, columns: dict[str, float | None]) -> None:
    assert check(recordings(path, **columns), EXCLUDE) == ({path: ""}, {path: ""})


def test_several_warnings_and_none_of_what_is_set_aside() -> None:
    path = f"Actor_11/{FINE}.wav"
    rows = recordings(path, duration_s=0.1, clipped_ratio=0.5)
    assert check(rows, SETTINGS) == ({path: ""}, {path: "clipped, folder, too-short"})
    some = SETTINGS.model_copy(update={"findings": WARN | {"clipped": "exclude"}})
    assert check(rows, some) == ({path: "clipped"}, {path: ""})


def test_reasons_name_the_setting_and_the_measure() -> None:
    rows = recordings(f"{FINE}.wav", duration_s=0.1)
    reason = checks.apply_checks(rows, EXCLUDE)["reason"][0]
    assert "0.10 s" in reason
    assert "0.3 s (catalogue.min_duration_s)" in reason


@pytest.mark.parametrize("other", ["03-01-05-02-01-02-11.wav", "03-01-04-02-01-02-12.wav"])
@pytest.mark.parametrize("settings", [SETTINGS, EXCLUDE], ids=["warn", "exclude"])
def test_one_content_under_two_actors_or_emotions_is_a_contradiction(
    other: str, settings: Catalogue
) -> None:
    same = [f"{FINE}.wav", "03-01-05-02-01-01-12.wav", other]
    rows = recordings(*same, "03-01-05-02-02-01-12.wav")
    rows.loc[:2, "sha256"] = "one"
    findings, warnings = check(rows, settings)
    assert findings == dict.fromkeys(same, "contradiction") | {rows.loc[3, "path"]: ""}
    assert set(warnings.values()) == {""}
    reasons = checks.apply_checks(rows, settings)["reason"]
    assert other in reasons[0]
    assert reasons[2].endswith("-12.wav, which is of actor 12, angry")


def test_what_does_not_decode_contradicts_nothing() -> None:
    rows = recordings(f"{FINE}.wav", "03-01-05-02-01-02-11.wav", sha256="of no bytes")
    rows["finding"] = rows["reason"] = "unreadable"
    assert set(check(rows, EXCLUDE)[0].values()) == {"unreadable"}


def test_a_copy_under_no_name_contradicts_nothing() -> None:
    rows = recordings(f"{FINE}.wav", "03-01-05-02-01-02-11.wav", sha256="one")
    named = ["path", "finding", "reason", "recording", "actor", "corpus_emotion"]
    rows.loc[1, named] = ("a.wav", "name", "n", "", "", "")
    assert check(rows, EXCLUDE)[0] == {f"{FINE}.wav": "", "a.wav": "name"}


def test_identical_recordings_are_all_but_the_first() -> None:
    paths = [
        "b/03-01-05-02-01-01-12.wav",
        "a/03-01-05-02-01-02-12.wav",
        "a/01-01-05-02-01-01-12.mp4",
    ]
    rows = recordings(*paths, sha256="one")
    expected = dict.fromkeys(paths[:2], "identical") | {paths[2]: ""}
    nothing = dict.fromkeys(paths, "")
    assert check(rows, SETTINGS) == (nothing, expected)
    assert check(rows[::-1], SETTINGS) == (nothing, expected)
    assert check(rows, EXCLUDE) == (expected, nothing)


def test_a_second_recording_of_a_name_is_a_duplicate() -> None:
    paths = [f"{folder}/{FINE}.wav" for folder in "abc"]
    rows = recordings(*paths, has_sound=[False, True, True])
    assert check(rows, EXCLUDE)[0] == dict(zip(paths, ["silent", "", "duplicate"], strict=True))
    # also where the bytes are the same
    rows = recordings(*paths, sha256="one")
    assert check(rows, EXCLUDE)[0] == dict(zip(paths, ["", "duplicate", "duplicate"], strict=True))


def test_the_published_set() -> None:
    published = checks.list_published()
    assert len({recording.id for recording in published}) == len(published) == 7356
    counts = pd.DataFrame([asdict(recording) for recording in published])
    counts_by_actor = (
        counts.groupby(["modality", "channel", "actor"]).size().unstack("channel", fill_value=0)
    )
    assert set(counts_by_actor[1]) == {60}
    assert counts_by_actor[2].drop(18, level="actor").eq(44).all()
    assert counts_by_actor.xs(18, level="actor")[2].eq(0).all()
    song = counts[counts["channel"].map(CHANNELS).eq("song")]
    assert {EMOTIONS[code - 1] for code in set(song["emotion"])} == set(EMOTIONS[:6])


@pytest.mark.slow
def test_nothing_published_is_found_fault_with() -> None:
    rows = recordings(*(recording.file.as_posix() for recording in checks.list_published()))
    findings, warnings = check(rows, EXCLUDE)
    assert set(findings.values()) == set(warnings.values()) == {""}
    assert checks.list_missing(rows) == {}


@pytest.mark.slow
def test_missing_files_are_of_archives_that_are_there_in_part() -> None:
    published = checks.list_published()
    lost = {"03-01-01-01-01-01-01", "01-02-06-02-02-02-23", "02-02-06-02-02-02-23"}
    rows = recordings(
        *(
            recording.file.as_posix()
            for recording in published
            if recording.id not in lost
            and (recording.modality != 3 or recording.channel != 2)  # no Audio_Song_Actors_01-24
            and recording.file.parts[0] != "Video_Speech_Actor_04"
        )
    )
    expected = {
        "Audio_Speech_Actors_01-24": ["03-01-01-01-01-01-01.wav"],
        "Video_Song_Actor_23": ["01-02-06-02-02-02-23.mp4", "02-02-06-02-02-02-23.mp4"],
    }
    assert checks.list_missing(rows) == expected
    rows.loc[5, ["finding", "reason"]] = "silent"  # is there all the same
    rows.loc[len(rows)] = rows.loc[5]
    rows.loc[len(rows) - 1, "recording"] = ""  # of no name
    assert checks.list_missing(rows) == expected


def test_of_an_actor_s_video_one_file_tells_of_the_rest() -> None:
    lacking = checks.list_missing(recordings("02-02-06-02-02-02-23.mp4"))
    assert {archive: len(names) for archive, names in lacking.items()} == {
        "Video_Song_Actor_23": 87
    }
    assert checks.list_missing(recordings("03-02-06-02-02-02-18.wav"))["Audio_Song_Actors_01-24"]
