from collections.abc import Iterable
from itertools import product
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as run
from hypothesis import strategies as st

from avemo.corpus import split
from avemo.corpus.adapters.ravdess import Recording
from avemo.errors import CorpusError
from avemo.settings import Split

ACTOR = Split(protocol="actor", folds=6, test_fold=1, valid_fold=2)
RANDOM = Split(protocol="random", folds=6, test_fold=1, valid_fold=2)

two = st.integers(1, 2)
takes = st.tuples(two, st.integers(1, 8), two, two, two, st.integers(1, 30))
modalities = st.sets(st.integers(1, 3), min_size=1)
folds = st.integers(3, 8).flatmap(
    lambda count: st.permutations(range(1, count + 1)).map(
        lambda order: Split(protocol="actor", folds=count, test_fold=order[0], valid_fold=order[1])
    )
)


def catalogue(recordings: Iterable[Recording]) -> pd.DataFrame:
    """The columns that matter; each recording's content is its own unless told."""
    return pd.DataFrame(
        {
            "performance": [recording.performance for recording in recordings],
            "recording": [recording.id for recording in recordings],
            "emotion": [recording.label for recording in recordings],
            "corpus": "ravdess",
            "actor": [f"{recording.actor:02d}" for recording in recordings],
            "sex": [recording.sex for recording in recordings],
            "sha256": [f"content of {recording.id}" for recording in recordings],
            "finding": "",
        }
    )


@st.composite
def corpora(draw: st.DrawFn) -> pd.DataFrame:
    """Any performances, each in one to three modalities, in any order.

    An actor of the third fold makes sure that there is something to train on.
    """
    modalities_by_take = draw(st.dictionaries(takes, modalities, max_size=40))
    modalities_by_take |= {(1, emotion, 1, 1, 1, 5): {3} for emotion in range(1, 9)}
    recordings = [
        Recording(m, *take) for take, codes in modalities_by_take.items() for m in sorted(codes)
    ]
    return catalogue(draw(st.permutations(recordings)))


@st.composite
def copies(draw: st.DrawFn, *, across_actors: bool = True) -> pd.DataFrame:
    """A corpus in which few contents go round; not from actor to actor, if so told."""
    rows = draw(corpora())
    numbers = draw(st.lists(st.integers(1, 30), min_size=len(rows), max_size=len(rows)))
    contents = pd.Series(numbers, index=rows.index).astype(str)
    return rows.assign(sha256=contents if across_actors else contents + " " + rows["actor"])


def ravdess(actors: Iterable[int] = range(1, 25)) -> pd.DataFrame:
    """Speech as published: 60 performances an actor."""
    codes = product((1,), range(1, 9), (1, 2), (1, 2), (1, 2), actors)
    return catalogue([Recording(3, *code) for code in codes if code[1:3] != (1, 2)])


def joined(rows: pd.DataFrame, dealt: pd.DataFrame) -> pd.DataFrame:
    parts = dealt[["performance", "part", "fold"]]
    return rows.merge(parts, on="performance", validate="many_to_one")


protocols = st.sampled_from([ACTOR, RANDOM])
few = run(max_examples=12, deadline=None)


@few
@given(corpora(), protocols, st.integers(1, 99))
def test_each_performance_is_dealt_once(rows: pd.DataFrame, settings: Split, seed: int) -> None:
    dealt = split.assign(rows, settings, seed)
    assert dealt["performance"].tolist() == sorted(set(rows["performance"]))
    assert set(dealt["part"]) <= set(split.PARTS)
    assert dealt.columns.tolist() == list(split.COLUMNS)


@few
@given(st.data(), corpora(), protocols)
def test_the_order_of_the_rows_does_not_matter(
    data: st.DataObject, rows: pd.DataFrame, settings: Split
) -> None:
    order = data.draw(st.permutations(range(len(rows))))
    shuffled = rows.iloc[order]  # with the index that a shuffle leaves
    pd.testing.assert_frame_equal(
        split.assign(shuffled, settings, 20), split.assign(rows, settings, 20)
    )


@few
@given(corpora(), protocols)
def test_what_is_set_aside_is_not_dealt(rows: pd.DataFrame, settings: Split) -> None:
    # all but the actor that is there to train on
    rows.loc[rows["actor"].ne("05"), "finding"] = "silent"
    dealt = split.assign(rows, settings, 20)
    assert set(dealt["performance"]) == set(rows[rows["actor"].eq("05")]["performance"])


@few
@given(corpora(), folds)
def test_parts_share_no_actor(rows: pd.DataFrame, settings: Split) -> None:
    try:
        both = joined(rows, split.assign(rows, settings, 20))
    except CorpusError:
        return  # the folds of test and validation took all there is
    assert both.groupby("actor")["fold"].nunique().eq(1).all()
    assert both.groupby("actor")["part"].nunique().eq(1).all()
    assert both["fold"].between(1, settings.folds).all()
    parts = {settings.test_fold: "test", settings.valid_fold: "valid"}
    assert both["part"].tolist() == [parts.get(fold, "train") for fold in both["fold"]]


@few
@given(corpora(), takes)
def test_one_more_actor_moves_no_other(
    rows: pd.DataFrame, take: tuple[int, int, int, int, int, int]
) -> None:
    before = split.assign(rows, ACTOR, 20)
    newcomer = catalogue([Recording(3, *take[:-1], 31)])
    after = split.assign(pd.concat([newcomer, rows], ignore_index=True), ACTOR, 20)
    assert len(after) == len(before) + 1
    pd.testing.assert_frame_equal(
        after[after["performance"].isin(before["performance"])].reset_index(drop=True), before
    )


def test_the_folds_of_the_published_actors() -> None:
    rows = ravdess()
    both = joined(rows, split.assign(rows, ACTOR, 20)).drop_duplicates("actor")
    assert (
        both.groupby("fold")["sex"].agg(sorted).tolist()
        == [["female", "female", "male", "male"]] * 6
    )
    assert both[both["part"].eq("test")]["actor"].tolist() == ["01", "02", "13", "14"]
    assert both["part"].value_counts().to_dict() == {"train": 16, "valid": 4, "test": 4}


@few
@given(copies(), st.integers(1, 99))
def test_copies_and_recordings_of_one_performance_stay_together_at_random(
    rows: pd.DataFrame, seed: int
) -> None:
    both = joined(rows, split.assign(rows, RANDOM, seed))
    for together in ("sha256", "performance"):
        assert both.groupby(together)[["part", "fold"]].nunique().eq(1).all(axis=None)


@few
@given(copies(across_actors=False))
def test_copies_and_recordings_of_one_performance_stay_together_by_actor(
    rows: pd.DataFrame,
) -> None:
    both = joined(rows, split.assign(rows, ACTOR, 20))
    for together in ("sha256", "performance"):
        assert both.groupby(together)[["part", "fold"]].nunique().eq(1).all(axis=None)


def test_one_content_of_two_actors_is_refused_by_actor() -> None:
    rows = ravdess()
    rows.loc[[3, 100], "sha256"] = "the same"
    first, second = rows.loc[[3, 100], "recording"]
    assert rows["actor"][3] != rows["actor"][100]
    for order in (rows, rows[::-1]):
        with pytest.raises(CorpusError, match=f"^{first} and {second} are byte-identical"):
            split.assign(order, ACTOR, 20)
    rows.loc[3, "finding"] = "contradiction"
    assert len(split.assign(rows, ACTOR, 20)) == len(rows) - 1


@pytest.mark.parametrize("contents", ["abbccddeef", "dxayabbccd"])
def test_copies_that_hang_together_by_others_stay_together(contents: str) -> None:
    # two recordings each of five performances: some two performances share no content
    takes = [Recording(m, 1, 5, 1, 1, 1, actor) for actor in range(1, 6) for m in (1, 3)]
    others = [Recording(3, 1, emotion, 1, 1, 1, 9) for emotion in range(1, 9)]
    rows = catalogue(takes + others)
    rows.loc[: len(takes) - 1, "sha256"] = list(contents)
    for seed in range(1, 20):
        dealt = split.assign(rows, RANDOM, seed).set_index("performance")
        assert dealt.loc[rows["performance"][: len(takes)], "fold"].nunique() == 1


SHARES = {"train": 0.6, "valid": 0.2, "test": 0.2}


@few
@given(corpora(), st.integers(1, 99))
def test_three_fifths_train_at_random_of_each_emotion_and_in_all(
    rows: pd.DataFrame, seed: int
) -> None:
    both = joined(rows, split.assign(rows, RANDOM, seed)).drop_duplicates("performance")
    for _, rows_of_emotion in (("all", both), *both.groupby("emotion")):
        counts = rows_of_emotion["part"].value_counts()
        for part, share in SHARES.items():
            assert counts.get(part, 0) == pytest.approx(share * len(rows_of_emotion), abs=0.81)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_emotions_with_few_performances_fill_every_part_at_random(count: int) -> None:
    rows = ravdess(range(1, 7))
    rows = rows[rows.groupby("emotion").cumcount() < count]
    counts = split.assign(rows, RANDOM, 20)["part"].value_counts()
    for part, share in SHARES.items():
        assert counts[part] == pytest.approx(share * 8 * count, abs=0.81)


@pytest.mark.parametrize("settings", [ACTOR, RANDOM], ids=["actor", "random"])
def test_the_seed_decides(settings: Split) -> None:
    rows = ravdess(range(1, 7))
    first, again, other = (split.assign(rows, settings, seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert first.equals(other) == (settings is ACTOR)


@pytest.mark.parametrize("actors", [[1, 2], [3, 4, 16]])
def test_nothing_to_train_on_is_refused(actors: list[int]) -> None:
    with pytest.raises(CorpusError, match=f"all|every one of the {60 * len(actors)}"):
        split.assign(ravdess(actors), ACTOR, 20)


def test_nothing_usable_is_refused() -> None:
    for settings in (ACTOR, RANDOM):
        with pytest.raises(CorpusError, match="training part is empty"):
            split.assign(ravdess([5]).assign(finding="silent"), settings, 20)


@pytest.mark.parametrize("settings", [ACTOR, RANDOM], ids=["actor", "random"])
def test_what_was_written_is_read(tmp_path: Path, settings: Split) -> None:
    dealt = split.assign(ravdess(), settings, 20)
    split.write(dealt, tmp_path / "split.csv")
    pd.testing.assert_frame_equal(split.read(tmp_path / "split.csv"), dealt)


def test_the_identity_is_the_content_s(tmp_path: Path) -> None:
    rows = ravdess()
    files = [tmp_path / name for name in ("a.csv", "b.csv", "c.csv")]
    for file, seed in zip(files, (1, 1, 2), strict=True):
        split.write(split.assign(rows, RANDOM, seed), file)
    first, again, other = map(split.split_id, files)
    assert first == again != other


@few
@given(corpora(), protocols)
def test_the_file_is_stable_in_a_diff(
    tmp_path_factory: pytest.TempPathFactory, rows: pd.DataFrame, settings: Split
) -> None:
    file = tmp_path_factory.mktemp("split") / "split.csv"
    split.write(split.assign(rows, settings, 20), file)
    head, *lines, last = file.read_bytes().split(b"\n")
    assert (head, last) == (b"performance,corpus,actor,sex,emotion,part,fold", b"")
    assert lines == sorted(set(lines))
    assert b"\r" not in b"".join(lines)
    first = split.split_id(file)
    split.write(split.assign(rows[::-1], settings, 20), file)
    assert split.split_id(file) == first


def test_what_was_made_on_another_split_is_refused() -> None:
    split.require_same_split("a1", "a1", "the search result of audio")
    with pytest.raises(CorpusError) as error:
        split.require_same_split("a1", "b2", "the search result of audio")
    for word in ("the search result of audio", "a1", "b2", "dvc repro"):
        assert word in str(error.value)
    assert "\n" not in str(error.value)
