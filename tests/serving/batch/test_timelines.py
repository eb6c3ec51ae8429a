"""Timelines of several clips, from rows made by hand."""

from fractions import Fraction
from pathlib import Path

import pandas as pd
import pytest
from helpers.timelines import ROWS

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.errors import MediaError
from avemo.media.span import Windows
from avemo.registry.pinned import Answering, PinnedVersions, Timeline
from avemo.registry.speaker import Speaker
from avemo.serving.batch.clips import NamedClip, find_clips
from avemo.serving.batch.journal import Journal
from avemo.serving.batch.task import identify, run_task
from avemo.serving.batch.timelines import TimelineFiles, TimelineResult, WriteTimelines


class HandMade(Answering):
    """Gives the same rows for every clip, and none for one that is empty."""

    def __init__(self) -> None:
        self.files: list[str] = []

    def timeline(
        self,
        file: Path,
        *,
        window_s: float | None,
        hop_s: float | None,
        speaker: Speaker | None = None,
        adapt: bool = False,
    ) -> Timeline:
        self.files.append(file.name)
        if not file.stat().st_size:
            raise MediaError("unreadable", "the file is empty")
        windows = Windows(Fraction(str(window_s)), Fraction(str(hop_s)))
        return Timeline("avemo-fused version 3", EMOTIONS, windows, iter(ROWS))


def write(
    clips: list[NamedClip], folder: Path, *formats: str
) -> tuple[list[str], list[TimelineResult]]:
    """Return the clips that were computed, and the results."""
    files = TimelineFiles.for_clips(clips, folder, formats, window_s=3.0, hop_s=1.0)
    versions = PinnedVersions("sqlite://")
    versions.__dict__["answering"] = answering = HandMade()
    task = WriteTimelines(versions, files)
    items = identify(clips, show_progress=False)
    with Journal(folder / "journal") as journal:
        results = [result for _, result in run_task(task, items, journal, show_progress=False)]
    return answering.files, results


@pytest.fixture
def clips(tmp_path: Path) -> list[NamedClip]:
    for name in ("a/x 1.mp4", "a/b/y.mp4", "c/x 1.mp4", "c/empty.mp4"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("" if "empty" in name else name)
    return find_clips([str(tmp_path / "a"), str(tmp_path / "c")])


def test_files_lie_below_the_folder_as_the_clips_do(tmp_path: Path, clips: list[NamedClip]) -> None:
    out = tmp_path / "out"
    _, results = write(clips, out, "csv", "elan", "csv")
    assert [result.finding for result in results] == ["", "", "unreadable", ""]
    names = {file.relative_to(out).as_posix() for file in out.rglob("*.*")}
    assert {"b/y.mp4.csv", "b/y.mp4.eaf"} <= names
    same_name = [name for name in names if name.startswith("x 1.mp4.") and name.endswith(".csv")]
    assert len(same_name) == 2, "clips of one name do not take each other's place"
    assert len(names) == 6
    table = pd.read_csv(out / "b" / "y.mp4.csv")
    assert len(table) == len(ROWS)
    assert table["file"][0].endswith("a/b/y.mp4")
    assert table["model"][0] == "avemo-fused version 3"


def test_what_is_written_is_not_computed_again_unless_it_is_gone(
    tmp_path: Path, clips: list[NamedClip]
) -> None:
    out = tmp_path / "out"
    computed, _ = write(clips, out, "csv")
    assert sorted(computed) == ["empty.mp4", "x 1.mp4", "x 1.mp4", "y.mp4"]
    assert write(clips, out, "csv")[0] == []
    (out / "b" / "y.mp4.csv").unlink()
    assert write(clips, out, "csv")[0] == ["y.mp4"]
    assert len(write(clips, out, "json")[0]) == 4
