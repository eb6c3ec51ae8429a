"""Folds of other corpora's speakers, of EmoBox and of a manifest."""

import time
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as run
from hypothesis import strategies as st

from avemo.corpus import split
from avemo.corpus.folds import EMOBOX
from avemo.errors import CorpusError
from avemo.settings import Split

few = run(max_examples=15, deadline=None)
speakers = st.dictionaries(
    st.tuples(st.sampled_from(["emodb", "crema_d", "own"]), st.text("abc/ =", min_size=1)),
    st.sampled_from(split.SEXES),
    min_size=1,
    max_size=40,
)
numbers = st.integers(3, 8)


def settings(protocol: str = "actor", folds: int = 6) -> Split:
    return Split.model_validate(
        {"protocol": protocol, "folds": folds, "test_fold": 1, "valid_fold": 2}
    )


def catalogue(sexes: dict[tuple[str, str], str], takes: int = 2) -> pd.DataFrame:
    """So many performances a speaker."""
    rows = pd.DataFrame(
        {
            "performance": f"{corpus}-{name}-{take}",
            "corpus": corpus,
            "actor": f"{corpus}-{name}",
            "sex": sex,
        }
        for (corpus, name), sex in sexes.items()
        for take in range(takes)
    )
    return _finish(rows, rows["performance"])


def ravdess() -> pd.DataFrame:
    """A performance an actor."""
    actors = [f"{actor:02d}" for actor in range(1, 25)]
    rows = pd.DataFrame({"performance": [f"01-04-01-01-01-{a}" for a in actors], "actor": actors})
    return _finish(rows.assign(corpus="ravdess", sex="male"), "03-" + rows["performance"])


def _finish(rows: pd.DataFrame, recording: "pd.Series[str]") -> pd.DataFrame:
    return rows.assign(emotion="sad", split="", finding="", recording=recording, sha256=recording)


@few
@given(speakers, numbers)
@pytest.mark.slow
def test_folds_share_no_speaker_are_filled_and_balanced(
    sexes: dict[tuple[str, str], str], folds: int
) -> None:
    rows = catalogue(sexes)
    try:
        parts = split.assign(rows, settings(folds=folds), 1)
    except CorpusError:
        assert len(sexes) <= 2  # nobody is left to train on
        return
    fold_of = parts.groupby("actor")["fold"]
    assert fold_of.nunique().eq(1).all()
    assert parts["fold"].nunique() == min(folds, len(sexes))
    assert parts["fold"].between(1, folds).all()
    by_fold = parts.drop_duplicates("actor").groupby(["corpus", "sex"])["fold"]
    counts = by_fold.value_counts().unstack(fill_value=0)
    counts = counts.reindex(columns=range(1, folds + 1), fill_value=0)
    assert (counts.max(axis=1) - counts.min(axis=1)).le(1).all()
    again = split.assign(rows.sample(frac=1, random_state=3), settings(folds=folds), 2)
    pd.testing.assert_frame_equal(again, parts)


def test_other_corpora_do_not_move_ravdess() -> None:
    others = catalogue({("emodb", "03"): "male", ("emodb", "08"): "female"})
    alone = split.assign(ravdess(), settings(), 1)
    together = split.assign(pd.concat([others, ravdess()], ignore_index=True), settings(), 1)
    both = together[together["corpus"].eq("ravdess")].reset_index(drop=True)
    pd.testing.assert_frame_equal(both, alone)
    assert alone["fold"].tolist() == [(int(actor) - 1) // 2 % 6 + 1 for actor in alone["actor"]]


def test_the_folds_of_emobox() -> None:
    parts = split.assign(ravdess(), settings("emobox"), 1)
    actors = {fold: set(rows["actor"].astype(int)) for fold, rows in parts.groupby("fold")}
    assert actors == {fold: set(numbers) for fold, numbers in EMOBOX.items()}
    assert sorted(number for numbers in EMOBOX.values() for number in numbers) == [*range(1, 25)]
    assert parts[parts["part"].eq("test")]["actor"].tolist() == ["01", "11", "20", "21"]


def test_emobox_is_for_ravdess_alone() -> None:
    others = catalogue({("emodb", "03"): "male"})
    with pytest.raises(CorpusError, match="RAVDESS's 24 actors alone, and the corpus has emodb-03"):
        split.assign(pd.concat([others, ravdess()]), settings("emobox"), 1)
    with pytest.raises(ValueError, match="protocol emobox has 6: set folds to 6"):
        settings("emobox", folds=5)


def test_each_corpus_is_a_fold() -> None:
    names = {("mead", "W9"): "female", ("emodb", "03"): "male", ("crema_d", "1001"): "male"}
    rows = pd.concat([catalogue(names), ravdess()], ignore_index=True)
    parts = split.assign(rows, settings("corpus", folds=4), 1)
    folds = parts.groupby("corpus")["fold"].unique().map(list).to_dict()
    assert folds == {"crema_d": [1], "emodb": [2], "mead": [3], "ravdess": [4]}
    assert set(parts[parts["part"].eq("test")]["corpus"]) == {"crema_d"}
    assert split.count_shared_speakers(parts) == 0
    with pytest.raises(CorpusError, match=r"of 4 \(crema_d, .*split.folds is 6: set it to 4 in"):
        split.assign(rows, settings("corpus"), 1)


def test_two_corpora_are_too_few_to_leave_one_out() -> None:
    rows = catalogue({("emodb", "03"): "male", ("crema_d", "1001"): "male"})
    with pytest.raises(CorpusError, match=r"three corpora or more.* are of 2 \(crema_d, emodb\)"):
        split.assign(rows, settings("corpus", folds=3), 1)


@few
@given(speakers, st.data())
def test_parts_of_a_manifest_are_kept(
    sexes: dict[tuple[str, str], str], data: st.DataObject
) -> None:
    rows = catalogue(sexes)
    names = st.sampled_from(split.PARTS)
    values = data.draw(st.lists(names, min_size=len(rows), max_size=len(rows)))
    rows["split"] = ["train", *values[1:]]
    parts = split.assign(rows, settings("manifest"), 1)
    expected = rows.set_index("performance")["split"]
    assert parts.set_index("performance")["part"].to_dict() == expected.to_dict()
    trained = parts[parts["part"].eq("train")]
    assert trained.groupby("actor")["fold"].nunique().eq(1).all()
    assert trained["fold"].between(3, 6).all()


def test_folds_of_a_manifest_are_kept() -> None:
    rows = catalogue({("emodb", f"{n:02}"): "male" for n in range(6)}, takes=1)
    rows["split"] = list("123456")
    parts = split.assign(rows, settings("manifest"), 1)
    assert parts["fold"].tolist() == [1, 2, 3, 4, 5, 6]
    assert parts["part"].tolist() == ["test", "valid", *["train"] * 4]
    assert split.count_shared_speakers(parts) == 0
    with pytest.raises(CorpusError, match=r"folds up to 6, more than split.folds \(5\)"):
        split.assign(rows, settings("manifest", folds=5), 1)


def test_a_manifest_without_splits_is_refused() -> None:
    rows = catalogue({("emodb", "03"): "male", ("emodb", "08"): "female"})
    rows.loc[0, "split"] = "train"
    with pytest.raises(CorpusError, match="3 of 4 have none: emodb-03-1, emodb-08-0, emodb-08-1"):
        split.assign(rows, settings("manifest"), 1)


def test_what_was_written_is_read_whatever_a_speaker_is_called(tmp_path: Path) -> None:
    file = tmp_path / "split.csv"
    rows = catalogue({("own", name): "unknown" for name in ("NA", "a, b", '"c"', "null", "1")})
    parts = split.assign(rows, settings(), 1)
    split.write(parts, file)
    pd.testing.assert_frame_equal(split.read(file), parts)


@pytest.mark.slow
def test_a_million_performances_are_quick() -> None:
    size = 1_000_000
    number = pd.Series(range(size)).astype(str)
    rows = pd.DataFrame(
        {
            "performance": "own-" + number,
            "recording": "own-" + number,
            "sha256": number,
            "actor": "own-" + (pd.Series(range(size)) % 4000).astype(str),
            **{"corpus": "own", "sex": "unknown", "emotion": "sad", "split": "", "finding": ""},
        }
    )
    start = time.process_time()
    parts = split.assign(rows, settings(), 1)
    assert time.process_time() - start < 60
    assert len(parts) == size
