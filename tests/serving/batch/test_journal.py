"""A journal that is cut off anywhere holds the results that were complete, and takes new ones."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avemo.errors import AvemoError
from avemo.serving.batch.journal import Journal

RESULTS = {f"key {n}": {"p": 0.1 * n, "name": f"Ä\n{n}"} for n in range(4)}


def write(file: Path) -> bytes:
    with Journal(file) as journal:
        for key, result in RESULTS.items():
            journal.add(key, result)
    return file.read_bytes()


@settings(max_examples=60)
@given(st.data())
def test_a_cut_anywhere(data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder, "a.journal")
        content = write(file)
        length = data.draw(st.integers(0, len(content)))
        file.write_bytes(content[:length])
        complete = max(0, content[:length].count(b"\n") - 1)
        expected = dict(list(RESULTS.items())[:complete])
        with Journal(file) as journal:
            assert journal.results == expected
            journal.add("new", {"p": 1})
        with Journal(file) as journal:
            assert journal.results == expected | {"new": {"p": 1}}


def test_blocks_without_content_after_a_power_cut(tmp_path: Path) -> None:
    file = tmp_path / "a.journal"
    content = write(file)
    file.write_bytes(content + bytes(512))
    with Journal(file) as journal:
        assert journal.results == RESULTS
    assert file.read_bytes() == content


def test_a_file_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "a.journal"
    file.write_text("notes")
    with pytest.raises(AvemoError, match="is no journal of this release of avemo: move it away"):
        Journal(file)
    assert file.read_text() == "notes"


def test_one_process_at_a_time(tmp_path: Path) -> None:
    file = tmp_path / "a.journal"
    with Journal(file), pytest.raises(AvemoError, match="another process is just writing to"):
        Journal(file)
    Journal(file).__exit__()
