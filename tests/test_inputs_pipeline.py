"""`dvc repro` where the settings or the recordings are wrong: avemo says so, and first."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.checkout import Checkout

pytestmark = pytest.mark.slow

NAME = "03-01-05-02-01-02-12.wav"


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A project whose corpus is a folder of recordings, with nothing run."""
    checkout = Checkout(tmp_path_factory.mktemp("inputs") / "project %2F #1 ?")
    checkout.set("corpus.source", "path")
    return checkout


@pytest.fixture
def checkout(pristine: Checkout, tmp_path: Path) -> Iterator[Checkout]:
    """Undo what a test does to the settings; recordings lie in a folder of its own."""
    files = [pristine.folder / name for name in ("params.yaml", "dvc.yaml")]
    contents = [file.read_bytes() for file in files]
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    for actor in range(1, 7):
        for emotion in range(1, 9):
            name = f"03-01-{emotion:02d}-01-01-01-{actor:02d}.wav"
            write_tone(recordings / name, 100 * actor + emotion)
    pristine.set("corpus.path", str(recordings))
    yield pristine
    for file, content in zip(files, contents, strict=True):
        file.write_bytes(content)


def write_tone(file: Path, hertz: int) -> None:
    import numpy as np

    from avemo.media.sound import write_wav

    write_wav(file, np.sin(np.arange(8000) * 2 * np.pi * hertz / 16000) / 2, 16000)


def first_words(process: subprocess.CompletedProcess[str]) -> str:
    """Return the first line of the standard error, which must be avemo's, without a traceback."""
    assert process.returncode != 0
    lines = process.stderr.splitlines()
    assert "Traceback" not in process.stderr
    assert lines, process.stdout
    assert lines[0].startswith("avemo: "), process.stderr
    return lines[0]


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("corpus.path", "~/nowhere-at-all", "there is no folder /"),
        ("corpus.path", "params.yaml", "is a file"),
        ("corpus.path", "", "corpus.path is ''"),
        ("corpus.path", None, "corpus.path: Input should be a valid string"),
        ("imported.openface", "nowhere", "imported.openface: there is no"),
    ],
)
def test_a_wrong_setting(checkout: Checkout, key: str, value: object, words: str) -> None:
    checkout.set(key, value)
    assert words in first_words(checkout.run("dvc", "repro"))


@pytest.mark.parametrize("key", ["corpus", "imported.openface"])
def test_a_missing_key(checkout: Checkout, key: str) -> None:
    settings = checkout.settings()
    *parents, last = key.split(".")
    place = settings
    for parent in parents:
        place = place[parent]
    del place[last]
    (checkout.folder / "params.yaml").write_text(json.dumps(settings))
    assert f"params.yaml: {key}: Field required" in first_words(checkout.run("dvc", "repro"))


def test_a_name_that_cannot_be_used(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "recordings" / os.fsdecode(b"\xff.wav")).touch()
    words = first_words(checkout.run("dvc", "repro", "fetch"))
    assert r"recordings/\xff.wav: the name is no UTF-8" in words


def test_content_is_watched_and_settings_are_not_run_for_nothing(
    checkout: Checkout, tmp_path: Path
) -> None:
    recordings = tmp_path / "recordings #%20 ü"
    (tmp_path / "recordings").rename(recordings)
    checkout.set("corpus.path", str(recordings))
    checkout.repro("split")
    assert "Running stage" not in checkout.repro("split")
    checkout.set("serving.max_files", 3)
    assert checkout.repro("split").count("Running stage") == 1  # `inputs`, which checks them
    changed = recordings / "03-01-01-01-01-01-01.wav"
    write_tone(changed, 3000)
    said = checkout.repro("split")
    assert "Running stage 'fetch'" in said
    assert "Running stage 'catalogue'" in said
    write_tone(recordings / NAME, 2000)
    assert "Running stage 'catalogue'" in checkout.repro("split")
    checkout.set("corpus.path", os.path.relpath(recordings, checkout.folder))
    assert checkout.repro("split").count("Running stage") == 2  # corpus is read by `fetch`
    recordings.rename(tmp_path / "gone")
    process = checkout.run("avemo", "repro")
    assert "there is no folder" in first_words(process)
    process = checkout.run("dvc", "repro")
    assert "data/corpus.path" in process.stderr  # the link's name says which setting
    assert "Traceback" not in process.stderr
    assert len(list((tmp_path / "gone").iterdir())) == 49  # nothing of the user's own was removed
