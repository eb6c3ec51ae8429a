from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from avemo.errors import CorpusError, MediaError
from avemo.features import store
from avemo.features.arrays import Array, Arrays
from avemo.features.audio import mfcc
from avemo.features.spec import FeatureSpec

DTYPES = {"marks": "uint8", "rows": "float32"}
SPEC = FeatureSpec(extractor="x", version=1, settings={"size": 3, "step": 1})
OTHER = FeatureSpec(extractor="x", version=1, settings={"size": 4, "step": 1})

#: (actor, take) -> content; `0` is silence
Corpus = dict[tuple[int, str], str]
FOUR: Corpus = {(1, "a"): "1", (1, "b"): "2", (2, "a"): "3", (3, "a"): "4"}


def table(corpus: Corpus) -> pd.DataFrame:
    rows = [
        {
            "performance": f"{take}-{actor:02d}",
            "recording": f"03-{take}-{actor:02d}",
            "actor": f"{actor:02d}",
            "sha256": f"sum of {content}",
            "file": Path(content),
            "finding": "",
            "reason": "",
        }
        for (actor, take), content in corpus.items()
    ]
    columns = ["performance", "recording", "actor", "sha256", "file"]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)


def features(file: Path) -> Arrays:
    number = int(file.name)
    if number == 0:
        raise MediaError("silent", "nothing is heard")
    return {
        "rows": np.full((number, 2), number / 3, np.float32),
        "marks": np.arange(number, dtype=np.uint8),
    }


def update(
    folder: Path,
    corpus: Corpus,
    spec: FeatureSpec = SPEC,
    compute: Callable[[Path], Arrays] = features,
    dtypes: Mapping[str, str] = DTYPES,
) -> list[str]:
    """Bring the folder up to date; which contents were computed, in order."""
    computed: list[str] = []

    def watched(file: Path, names: Collection[str]) -> dict[str, Arrays]:
        assert names == ["x"]
        computed.append(file.name)
        return {"x": compute(file)}

    targets = {"x": store.Target(folder, spec, dtypes)}
    assert store.update(targets, table(corpus), watched, workers=1) == {"x": len(computed)}
    return computed


def content(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def fresh(tmp_path: Path, corpus: Corpus, spec: FeatureSpec = SPEC) -> dict[str, bytes]:
    folder = tmp_path / "fresh"
    update(folder, corpus, spec)
    return content(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "rows"
    assert update(folder, FOUR) == ["1", "2", "3", "4"]
    return folder


def test_what_is_there_is_not_computed_again(folder: Path) -> None:
    before = content(folder)
    assert update(folder, FOUR) == []
    assert content(folder) == before
    assert sorted(before) == [f"actor={actor:02d}/part-0.parquet" for actor in (1, 2, 3)]


def test_rows(folder: Path) -> None:
    rows = store.read(folder)
    assert rows["performance"].tolist() == ["a-01", "b-01", "a-02", "a-03"]
    assert rows["recording"].tolist() == ["03-a-01", "03-b-01", "03-a-02", "03-a-03"]
    assert rows["key"].nunique() == 4
    assert rows["finding"].eq("").all()
    assert store.count_rows(folder) == 4
    assert store.read_spec(folder) == SPEC


def test_a_changed_recording_alone_is_computed(folder: Path, tmp_path: Path) -> None:
    changed = FOUR | {(1, "b"): "5"}
    others = {name: part for name, part in content(folder).items() if "actor=01" not in name}
    assert update(folder, changed) == ["5"]
    assert content(folder).items() >= others.items()
    assert content(folder) == fresh(tmp_path, changed)


def test_the_order_of_the_settings_does_not_matter(folder: Path) -> None:
    assert update(folder, FOUR, SPEC.model_copy(update={"settings": {"step": 1, "size": 3}})) == []


def test_other_settings_compute_everything(folder: Path, tmp_path: Path) -> None:
    assert update(folder, FOUR, OTHER) == ["1", "2", "3", "4"]
    assert store.read_spec(folder) == OTHER
    assert content(folder) == fresh(tmp_path, FOUR, OTHER)


def test_one_more_actor_leaves_the_others_as_they_are(folder: Path, tmp_path: Path) -> None:
    before = content(folder)
    more = FOUR | {(4, "a"): "6"}
    assert update(folder, more) == ["6"]
    assert content(folder).items() >= before.items()
    assert content(folder) == fresh(tmp_path, more)


def test_one_more_performance(folder: Path, tmp_path: Path) -> None:
    more = FOUR | {(2, "b"): "6"}
    assert update(folder, more) == ["6"]
    assert content(folder) == fresh(tmp_path, more)


def test_an_actor_that_is_gone_is_removed(folder: Path) -> None:
    fewer = {place: content for place, content in FOUR.items() if place[0] != 2}
    assert update(folder, fewer) == []
    assert sorted(path.name for path in folder.iterdir()) == ["actor=01", "actor=03"]


def test_an_actor_that_is_gone_is_removed_with_what_a_killed_run_left(folder: Path) -> None:
    (folder / "actor=03" / ".part-0.parquet.1.part").touch()
    fewer = {place: content for place, content in FOUR.items() if place[0] != 3}
    assert update(folder, fewer) == []
    assert sorted(path.name for path in folder.iterdir()) == ["actor=01", "actor=02"]


def test_what_a_killed_run_left_is_removed(folder: Path, tmp_path: Path) -> None:
    (folder / "actor=03" / ".part-0.parquet.1.part").touch()
    update(folder, FOUR)
    assert content(folder) == fresh(tmp_path, FOUR)


def test_a_performance_that_is_gone_is_removed(folder: Path, tmp_path: Path) -> None:
    fewer = {place: content for place, content in FOUR.items() if place != (1, "b")}
    assert update(folder, fewer) == []
    assert store.count_rows(folder) == 3
    assert content(folder) == fresh(tmp_path, fewer)


def test_a_renamed_performance_is_found_by_its_new_name(folder: Path, tmp_path: Path) -> None:
    renamed = {(actor, "c" if take == "b" else take): n for (actor, take), n in FOUR.items()}
    update(folder, renamed)
    assert set(store.load_arrays(folder, "rows")) == {"a-01", "c-01", "a-02", "a-03"}
    assert content(folder) == fresh(tmp_path, renamed)


def test_a_copy_under_another_name_has_a_row_of_its_own(folder: Path, tmp_path: Path) -> None:
    copied = FOUR | {(1, "c"): "2"}
    update(folder, copied)
    assert set(store.load_arrays(folder, "rows")) == {"a-01", "b-01", "c-01", "a-02", "a-03"}
    assert content(folder) == fresh(tmp_path, copied)


@pytest.mark.parametrize("length", [0, 10, -200, -1])
def test_a_torn_partition_is_computed_again(folder: Path, tmp_path: Path, length: int) -> None:
    file = folder / "actor=01" / "part-0.parquet"
    file.write_bytes(file.read_bytes()[:length])
    assert update(folder, FOUR) == ["1", "2"]
    assert content(folder) == fresh(tmp_path, FOUR)


def test_a_partition_that_something_else_wrote_is_computed_again(
    folder: Path, tmp_path: Path
) -> None:
    for frame in (pd.DataFrame({"a": [1]}), pd.read_parquet(folder / "actor=01").assign(more=1)):
        frame.to_parquet(folder / "actor=01" / "part-0.parquet")
        assert update(folder, FOUR) == ["1", "2"]
        assert content(folder) == fresh(tmp_path, FOUR)


def test_a_recording_without_features_is_a_row_with_its_reason(folder: Path) -> None:
    silent = FOUR | {(1, "c"): "0"}
    assert update(folder, silent) == ["0"]
    assert update(folder, silent) == []
    row = store.read(folder).set_index("performance").loc["c-01"]
    assert (row["finding"], row["reason"]) == ("silent", "nothing is heard")
    assert "c-01" not in store.load_arrays(folder, "rows")


def test_a_partition_without_any_features(tmp_path: Path) -> None:
    folder = tmp_path / "rows"
    corpus = {(1, "a"): "0", (1, "b"): "0", (2, "a"): "3"}
    assert update(folder, corpus) == ["0", "0", "3"]
    assert update(folder, corpus) == []
    assert store.read(folder)["finding"].tolist() == ["silent", "silent", ""]
    assert list(store.load_arrays(folder, "rows")) == ["a-02"]
    assert store.count_rows(folder) == 3


def test_the_last_features_of_a_partition_may_go(tmp_path: Path) -> None:
    folder = tmp_path / "rows"
    update(folder, {(1, "a"): "0", (1, "b"): "2"})
    silent = {(1, "a"): "0", (1, "b"): "00"}
    assert update(folder, silent) == ["00"]
    assert store.load_arrays(folder, "rows") == {}
    assert content(folder) == fresh(tmp_path, silent)


def test_no_features_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "rows"
    assert update(folder, {}) == []
    assert store.read(folder).empty
    assert store.load_arrays(folder, "rows") == {}
    assert (store.count_rows(folder), store.read_spec(folder)) == (0, None)
    assert store.require_few_findings(folder, 0) == 0


@pytest.mark.parametrize("when", range(4))
@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_an_interrupted_run_ends_as_an_undisturbed_one(
    tmp_path: Path, when: int, error: type[BaseException]
) -> None:
    folder = tmp_path / "rows"
    done = 0

    def interrupted(file: Path) -> Arrays:
        nonlocal done
        if done == when:
            raise error
        done += 1
        return features(file)

    with pytest.raises(error):
        update(folder, FOUR, compute=interrupted)
    by_time: dict[int, list[str]] = {0: [], 1: [], 2: ["1", "2"], 3: ["1", "2", "3"]}
    finished = by_time[when]
    assert update(folder, FOUR) == [number for number in "1234" if number not in finished]
    assert content(folder) == fresh(tmp_path, FOUR)


@pytest.mark.slow
def test_a_flipped_bit_is_found(folder: Path, tmp_path: Path) -> None:
    """Every bit of the arrays and of what describes them; the last bytes say how long it is."""
    file = folder / "actor=01" / "part-0.parquet"
    intact = file.read_bytes()
    expected = fresh(tmp_path, FOUR)
    for place in range(0, len(intact), 97):
        damaged = bytearray(intact)
        damaged[place] ^= 1 << place % 8
        file.write_bytes(damaged)
        update(folder, FOUR)
        loaded = store.read(folder)
        assert [len(rows) for rows in loaded["rows"]] == [1, 2, 3, 4], place
        for number, rows in enumerate(loaded["rows"], 1):
            np.testing.assert_array_equal(rows, np.full((number, 2), number / 3, np.float32))
    file.write_bytes(intact)
    assert content(folder) == expected


def test_a_file_is_read_once_for_all_extractors_that_lack_it(tmp_path: Path) -> None:
    computed: list[tuple[str, tuple[str, ...]]] = []

    def extract(file: Path, names: Collection[str]) -> dict[str, Arrays]:
        computed.append((file.name, tuple(names)))
        return {name: {name: np.array(int(file.name), np.float32)} for name in names}

    def go(corpus: Corpus, second: FeatureSpec) -> dict[str, int]:
        computed.clear()
        targets = {
            "one": store.Target(tmp_path / "one", SPEC, {"one": "float32"}),
            "two": store.Target(tmp_path / "two", second, {"two": "float32"}),
        }
        return store.update(targets, table(corpus), extract, workers=1)

    assert go(FOUR, SPEC) == {"one": 4, "two": 4}
    assert computed == [(number, ("one", "two")) for number in "1234"]
    assert go(FOUR, OTHER) == {"one": 0, "two": 4}
    assert computed == [(number, ("two",)) for number in "1234"]
    assert go(FOUR | {(3, "b"): "5"}, OTHER) == {"one": 1, "two": 1}
    assert computed == [("5", ("one", "two"))]
    assert float(store.load_arrays(tmp_path / "one", "one")["b-03"]) == 5


def test_an_extractor_may_refuse_a_file_that_another_takes(tmp_path: Path) -> None:
    def extract(file: Path, names: Collection[str]) -> dict[str, Arrays | MediaError]:
        return {"one": {"x": np.ones(2, np.float32)}, "two": MediaError("no-face", "nobody")}

    targets = {
        name: store.Target(tmp_path / name, SPEC, {"x": "float32"}) for name in ("one", "two")
    }
    store.update(targets, table(FOUR), extract, workers=1)
    assert store.read(tmp_path / "one")["finding"].eq("").all()
    assert store.read(tmp_path / "two")["finding"].eq("no-face").all()


places = st.tuples(st.integers(1, 2), st.sampled_from("abc"))
corpora = st.dictionaries(places, st.sampled_from("0123"), max_size=4)


@settings(max_examples=8)
@given(st.lists(corpora, min_size=2, max_size=3))
@pytest.mark.slow
def test_whatever_came_before_the_features_are_those_of_a_fresh_run(
    tmp_path_factory: pytest.TempPathFactory, history: list[Corpus]
) -> None:
    folder = tmp_path_factory.mktemp("history")
    for corpus in history:
        update(folder / "rows", corpus)
    assert content(folder / "rows") == fresh(folder, history[-1])


KINDS = ["?", "i1", "u1", "i4", "i8", "f2", "f4", "f8"]
several = st.tuples(st.sampled_from(KINDS), arrays.array_shapes(max_dims=3, max_side=3)).flatmap(
    lambda kind: st.lists(
        st.integers(0, 3).flatmap(lambda rows: arrays.arrays(kind[0], (rows, *kind[1][1:]))),
        min_size=1,
        max_size=3,
    )
)


@settings(max_examples=12)
@given(several)
def test_arrays_keep_their_values_shapes_and_types(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[Array]
) -> None:
    folder = tmp_path_factory.mktemp("arrays")
    corpus = {(1, f"{place}"): f"{place}" for place in range(len(drawn))}
    kind = {"x": drawn[0].dtype.str}
    update(folder, corpus, compute=lambda file: {"x": drawn[int(file.name)]}, dtypes=kind)
    loaded = store.load_arrays(folder, "x")
    for place, array in enumerate(drawn):
        again = loaded[f"{place}-01"]
        assert (again.dtype, again.shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(again, array)


def test_a_single_number_keeps_its_shape(tmp_path: Path) -> None:
    half = {"x": np.array(0.5, np.float32)}
    update(tmp_path, {(1, "a"): "1"}, compute=lambda file: half, dtypes={"x": "float32"})
    assert store.load_arrays(tmp_path, "x")["a-01"].shape == ()


def test_pandas_reads_the_features_as_they_are(folder: Path) -> None:
    rows = pd.read_parquet(folder)
    assert rows["performance"].tolist() == ["a-01", "b-01", "a-02", "a-03"]
    assert rows["actor"].astype(int).tolist() == [1, 1, 2, 3]
    np.testing.assert_array_equal(rows["rows"][1], np.full(4, 2 / 3, np.float32))
    np.testing.assert_array_equal(rows["marks"][3], [0, 1, 2, 3])


def test_pandas_finds_the_columns_where_the_first_actor_has_none(tmp_path: Path) -> None:
    update(tmp_path, {(1, "a"): "0", (2, "a"): "3"})
    rows = pd.read_parquet(tmp_path)
    assert rows["rows"][0] is None
    np.testing.assert_array_equal(rows["rows"][1], np.full(6, 1, np.float32))


def test_too_many_without_features_stop(tmp_path: Path) -> None:
    folder = tmp_path / "rows"
    update(folder, {(1, "a"): "0", (1, "b"): "1", (2, "a"): "2", (2, "b"): "3"})
    assert store.require_few_findings(folder, 0.25) == 1
    with pytest.raises(CorpusError, match=r"1 of 4 .* no rows") as error:
        store.require_few_findings(folder, 0.24)
    assert "03-a-01 (nothing is heard)" in str(error.value)


def test_a_spec_names_all_that_the_features_depend_on() -> None:
    fields = {"window_ms": 48.0, "hop_ms": 24.0, "low_hz": 60.0, "high_hz": 7600.0}
    settings = mfcc.Settings(sample_rate=16000, coefficients=30, **fields)
    faces = FeatureSpec(extractor="faces", version=1, settings={}, resources={"detector": "mtcnn"})
    assert mfcc.Mfcc(settings).spec(faces) == FeatureSpec(
        extractor="mfcc",
        version=mfcc.Mfcc.version,
        settings={"sample_rate": 16000, "coefficients": 30, **fields},
        derived_from=faces,
    )


def test_every_field_of_a_spec_makes_another_key() -> None:
    specs = [
        SPEC,
        OTHER,
        SPEC.model_copy(update={"version": 2}),
        SPEC.model_copy(update={"resources": {"detector": "mtcnn"}}),
        SPEC.model_copy(update={"derived_from": OTHER}),
    ]
    assert len({store.row_key("sum", spec) for spec in specs}) == len(specs)
