"""Action units from what OpenFace wrote: a clip's CSV, and tables of means."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.openface_files import random_units, write_frames, write_means

from avemo.errors import CorpusError, MediaError
from avemo.features.openface.action_units import ACTION_UNITS
from avemo.features.openface.frames import read_frames
from avemo.features.openface.sources import list_sources
from avemo.features.visual.openface import OpenFace, Settings

EXTRACTOR = OpenFace(Settings())
FIRST, SECOND, THIRD = (f"01-0{emotion}-01-01-01-07" for emotion in (1, 3, 5))
RECORDINGS = pd.DataFrame(
    {
        "performance": [FIRST, SECOND, THIRD],
        "recording": [f"03-{name}" for name in (FIRST, SECOND, THIRD)],
        "path": [f"Actor_07/03-{name}.wav" for name in (FIRST, SECOND, THIRD)],
        "actor": 7,
        "sha256": "of the sound",
    }
)


@pytest.mark.parametrize("spaces", [False, True])
def test_means_are_of_the_frames_that_succeeded(tmp_path: Path, spaces: bool) -> None:
    units = random_units(6)
    units.iloc[4, 3] = np.nan
    success = [1, 0, 1, 1, 1, 1]
    arrays = read_frames(write_frames(tmp_path / "a.csv", units, spaces=spaces, success=success))
    expected = units.iloc[[0, 2, 3, 5]].mean().to_numpy(np.float32)
    np.testing.assert_allclose(arrays["openface"], expected[None], atol=1e-6)
    assert arrays["openface"].dtype == np.float32
    np.testing.assert_allclose(arrays["openface_frames"], [[6, 4, 30]], rtol=0.02)


def test_another_frame_rate_changes_nothing(tmp_path: Path) -> None:
    units = random_units(20)
    twice = units.loc[units.index.repeat(2)].reset_index(drop=True)
    slow = read_frames(write_frames(tmp_path / "a.csv", units, rate_hz=25))
    fast = read_frames(write_frames(tmp_path / "b.csv", twice, rate_hz=50))
    np.testing.assert_allclose(slow["openface"], fast["openface"], atol=1e-6)
    assert fast["openface_frames"][0, 2] == pytest.approx(50)


def test_of_several_faces_the_main_one(tmp_path: Path) -> None:
    units = random_units(9)
    faces = [0, 1, 0, 1, 1, 0, 0, 1, 1]
    success = [1, 1, 1, 0, 1, 1, 1, 1, 0]  # face 0 four times, face 1 three times
    arrays = read_frames(
        write_frames(tmp_path / "a.csv", units, face_id=faces, success=success, frame=range(9))
    )
    expected = units.iloc[[0, 2, 5, 6]].mean().to_numpy(np.float32)
    np.testing.assert_allclose(arrays["openface"][0], expected, atol=1e-6)


def test_a_file_without_faces_and_times_will_do(tmp_path: Path) -> None:
    units = random_units(3)
    file = tmp_path / "a.csv"
    units.assign(success=1).to_csv(file, index=False)
    arrays = read_frames(file)
    np.testing.assert_allclose(arrays["openface"][0], units.mean(), atol=1e-6)
    assert np.isnan(arrays["openface_frames"][0, 2])


@pytest.mark.parametrize(
    ("finding", "message", "content"),
    [
        ("no-face", "in each of 2 frames", {"success": 0}),
        ("no-face", "an action unit is no number", {"AU04_r": "-nan(ind)"}),
        ("unreadable", "AU04_r 7", {"AU04_r": 7}),
        ("unreadable", "lacks the columns AU45_r", {"AU45_r": None}),
        ("unreadable", "lacks the columns success", {"success": None}),
        ("unreadable", "no CSV of OpenFace", b""),
        ("unreadable", "no CSV of OpenFace", b"success,AU01_r\n1,\xff\n"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(
    tmp_path: Path, finding: str, message: str, content: bytes | dict[str, str | int | None]
) -> None:
    file = write_frames(tmp_path / "clip.csv", random_units(2))
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        table = pd.read_csv(file)
        for name, value in content.items():
            table[name] = value
        table.dropna(axis=1, how="all").to_csv(file, index=False)
    with pytest.raises(MediaError, match=message) as error:
        read_frames(file)
    assert error.value.finding == finding
    assert "clip.csv" in str(error.value) or "AU04_r" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_folder_and_a_table_give_the_same_feature(tmp_path: Path) -> None:
    clips = {name: random_units(5, seed) for seed, name in enumerate((FIRST, SECOND))}
    for name, units in clips.items():
        write_frames(tmp_path / "csv" / "Actor_07" / f"01-{name}.csv", units)
    means = {name: units.mean().round(5).to_frame().T for name, units in clips.items()}
    table = write_means(tmp_path / "means.csv", means)
    by_source = []
    for path in (tmp_path / "csv", table):
        listing = list_sources(path, RECORDINGS)
        assert listing is not None
        assert list(listing.sources["performance"]) == [FIRST, SECOND]
        assert listing.sources["sha256"].nunique() == 2
        assert listing.notes == []
        by_source.append([EXTRACTOR.read(file)["openface"] for file in listing.sources["file"]])
    np.testing.assert_allclose(by_source[0], by_source[1], atol=1e-5)


def test_a_published_table_s_means_are_read_as_they_stand(tmp_path: Path) -> None:
    means = random_units(1)
    table = write_means(tmp_path / "means.csv", {FIRST: means})
    table.write_text(table.read_text().replace(",", ", "))
    listing = list_sources(table, RECORDINGS)
    assert listing is not None
    (source,) = listing.sources["file"]
    np.testing.assert_array_equal(EXTRACTOR.read(source)["openface"], means.to_numpy(np.float32))


def test_files_of_two_recordings_of_a_performance(tmp_path: Path) -> None:
    units = random_units(3)
    write_frames(tmp_path / f"02-{FIRST}.csv", units)
    write_frames(tmp_path / f"01-{FIRST}.csv", units)
    write_frames(tmp_path / "elsewhere.csv", units)
    listing = list_sources(tmp_path, RECORDINGS)
    assert listing is not None
    assert list(listing.sources["file"]) == [tmp_path / f"01-{FIRST}.csv"]
    assert listing.notes == [
        "1 names are of no usable recording: elsewhere",
        "1 performances have files of several recordings, of which the first by name is used: "
        f"{FIRST}",
    ]


def test_two_files_of_a_recording_must_be_the_same(tmp_path: Path) -> None:
    for folder, name, seed in (
        ("a", FIRST, 1),
        ("b", FIRST, 1),
        ("a", SECOND, 1),
        ("b", SECOND, 2),
    ):
        write_frames(tmp_path / folder / f"01-{name}.csv", random_units(3, seed))
    listing = list_sources(tmp_path, RECORDINGS)
    assert listing is not None
    same, different = listing.sources["file"]
    assert EXTRACTOR.read(same)["openface"].shape == (1, 35)
    with pytest.raises(MediaError, match=f"a/01-{SECOND}.csv and b/01-{SECOND}.csv are both of"):
        EXTRACTOR.read(different)


def test_a_row_twice_and_a_row_without_a_number(tmp_path: Path) -> None:
    means = {name: random_units(1, seed) for seed, name in enumerate((FIRST, SECOND, THIRD))}
    file = write_means(tmp_path / "means.csv", means)
    table = pd.read_csv(file).astype({"AU04_r": object})
    table.loc[1, "AU04_r"] = "none"
    other = table.iloc[[2]].assign(AU01_r=0.123)
    pd.concat([table, table.iloc[[0]], other]).to_csv(file, index=False)
    listing = list_sources(file, RECORDINGS)
    assert listing is not None
    first, second, third = listing.sources["file"]
    assert EXTRACTOR.read(first)["openface"].shape == (1, 35)
    with pytest.raises(MediaError, match="AU04_r nan"):
        EXTRACTOR.read(second)
    with pytest.raises(MediaError, match=f"row 4 and row 6 are both of {THIRD} and differ"):
        EXTRACTOR.read(third)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing", None, "there is no "),
        (
            "means.csv",
            "performance,AU01_r\n",
            "lacks the columns AU02_r, AU04_r, AU05_r and 31 more",
        ),
        ("means.csv", "frame,success\n", "a clip's CSV belongs into a folder"),
        ("means.csv", "", "is no CSV table"),
        ("folder/notes.txt", "x", "holds no .csv file"),
        ("folder/clip.csv", "x", "nothing of a recording of the corpus, but 1 other names: clip"),
    ],
)
def test_a_path_that_cannot_be_used_says_why(
    tmp_path: Path, name: str, content: str | None, message: str
) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    if content is not None:
        file.write_text(content)
    path = file.parent if name.startswith("folder") else file
    with pytest.raises(CorpusError, match=r"imported\.openface") as error:
        list_sources(path, RECORDINGS)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_an_empty_folder_imports_nothing(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("put them here")
    assert list_sources(tmp_path, RECORDINGS) is None


def test_what_is_said_of_clips() -> None:
    counts = {FIRST: [100, 40, 25], SECOND: [100, 60, 30], THIRD: [9, 9, np.nan]}
    arrays = {name: np.array([count], np.float32) for name, count in counts.items()}
    assert EXTRACTOR.describe(arrays) == [
        f"the face was lost in most frames of 1: {FIRST}",
        "25 to 30 frames a second; each frame counts alike",
    ]


def test_the_specification_says_that_the_features_are_imported() -> None:
    assert EXTRACTOR.spec().imported
    assert len(ACTION_UNITS) == 35
