"""A file is complete when it stays the same, and not before."""

import os
import time
from pathlib import Path

from avemo.serving.watch.landing import Landing

SETTLE_S = 0.15


def poll_after(landing: Landing, seconds: float, known: set[str] | None = None) -> list[str]:
    time.sleep(seconds)
    files, _ = landing.poll(known or set())
    return [file.below for file in files]


def test_a_file_that_grows_is_not_complete(tmp_path: Path) -> None:
    landing = Landing(tmp_path, SETTLE_S)
    film = tmp_path / "day 1" / "a.mp4"
    film.parent.mkdir()
    film.touch()
    assert poll_after(landing, 0) == []
    assert poll_after(landing, 2 * SETTLE_S) == [], "an empty file is about to be filled"
    for _ in range(4):
        with film.open("ab") as file:
            file.write(b"part")
        assert poll_after(landing, SETTLE_S / 2) == []
    assert poll_after(landing, 1.5 * SETTLE_S) == ["day 1/a.mp4"]


def test_names_of_unfinished_files_are_left_alone_until_they_are_renamed(tmp_path: Path) -> None:
    landing = Landing(tmp_path, 0)
    names = [
        ".a.mp4",
        "~a.mp4",
        "a.part.mp4",
        "a.mp4.part",
        "a.TMP.wav",
        "a.mp4.crdownload",
        "a.txt",
    ]
    for name in names:
        (tmp_path / name).write_text("content")
    assert poll_after(landing, 0) == []
    (tmp_path / "a.mp4.part").rename(tmp_path / "a.mp4")
    assert poll_after(landing, 0) == ["a.mp4"]


def test_what_is_known_is_not_given_again_unless_it_changes(tmp_path: Path) -> None:
    landing = Landing(tmp_path, 0)
    film = tmp_path / "a.mp4"
    film.write_text("content")
    (file,), more = landing.poll(set())
    assert not more
    assert poll_after(landing, 0, {file.stamp}) == []
    os.utime(film, ns=(0, file.changed_ns + 1000))
    assert poll_after(landing, 0, {file.stamp}) == ["a.mp4"]
    film.unlink()
    assert poll_after(landing, 0) == []
