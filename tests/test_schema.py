import json
from pathlib import Path

import pytest

from avemo.errors import AvemoError
from avemo.records import (
    FeatureSpec,
    Interval,
    SearchResult,
    Skipped,
    TrainResult,
    Trial,
    read_or_skipped,
)

SEARCH = SearchResult(
    run_id="r1",
    split_id="s1",
    val_uar=0.5,
    trials=[Trial(run_id="t1", hyperparameters={"architecture": "cnn", "rate": 0.1}, val_uar=0.5)],
    members=[{"architecture": "cnn", "rate": 0.1}],
    temperature=1.2,
)


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "search.json"
    SEARCH.write(file)
    assert SearchResult.read(file) == SEARCH
    valid = {"uar": Interval(0.5, 0.4, 0.6, 3, 24)}
    TrainResult(run_id="r", architecture="cnn", valid=valid).write(file)
    assert TrainResult.read(file).valid == valid


def test_a_record_within_a_record(tmp_path: Path) -> None:
    faces = FeatureSpec(extractor="faces", version=1, settings={})
    spec = FeatureSpec(extractor="crops", version=2, settings={"side": 64}, derived_from=faces)
    assert FeatureSpec.model_validate(spec.model_dump(mode="json")) == spec


def test_what_was_skipped_says_why(tmp_path: Path) -> None:
    file = tmp_path / "search.json"
    Skipped(reason="there are no faces").write(file)
    assert read_or_skipped(SearchResult, file) == Skipped(reason="there are no faces")
    SEARCH.write(file)
    assert read_or_skipped(SearchResult, file) == SEARCH


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"record": "TrainResult"}, "TrainResult version 1, SearchResult version 1 is expected"),
        ({"version": 0}, "SearchResult version 0, SearchResult version 1 is expected"),
        ({"run_id": 5}, "run_id"),
        ({"found": 1}, "found"),
    ],
)
def test_another_record_is_refused_with_the_way_out(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    file = tmp_path / "search.json"
    SEARCH.write(file)
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(AvemoError, match=message) as error:
        SearchResult.read(file)
    assert "dvc repro" in str(error.value)


@pytest.mark.parametrize("content", [None, "no JSON", "[]", '{"run_id": "r"}'])
def test_a_file_that_holds_no_record(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "search.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(AvemoError, match="dvc repro"):
        SearchResult.read(file)
