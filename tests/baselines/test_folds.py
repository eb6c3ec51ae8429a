"""Nobody who is tested on was heard before, and everybody is tested on once."""

import pytest
from helpers.baseline_corpus import catalogue
from hypothesis import given, settings
from hypothesis import strategies as st

from avemo.baselines.folds import deal_rounds
from avemo.corpus.folds import EMOBOX
from avemo.corpus.split import PARTS
from avemo.errors import CorpusError
from avemo.records import Channel, Protocol

ACTORS = st.sets(st.integers(1, 24), min_size=3)
few = settings(max_examples=15)


def actor_of(performance: str) -> int:
    return int(performance[-2:])


@few
@given(ACTORS)
@pytest.mark.slow
def test_folds_share_no_actor_and_cover_all(actors: set[int]) -> None:
    rows = catalogue(sorted(actors), channels=(1,), emotions=2)
    folds = {(actor - 1) // 2 % 6 + 1 for actor in actors}
    if len(folds) < 3:
        with pytest.raises(CorpusError, match=f"in {len(folds)} folds|training part is empty"):
            deal_rounds(rows, "speech", "actor", 6, 20)
        return
    rounds = deal_rounds(rows, "speech", "actor", 6, 20)
    assert set(rounds) == folds
    tested: list[str] = []
    for fold, table in rounds.items():
        performances = {
            part: set(table.loc[table["part"].eq(part), "performance"]) for part in PARTS
        }
        actors_by_part = {
            part: {actor_of(name) for name in names} for part, names in performances.items()
        }
        assert all(actors_by_part.values())
        assert sum(map(len, actors_by_part.values())) == len(actors)
        assert set.union(*actors_by_part.values()) == actors
        assert table.loc[table["part"].eq("test"), "fold"].unique().tolist() == [fold]
        assert table.loc[table["part"].eq("valid"), "fold"].nunique() == 1
        tested += sorted(performances["test"])
    assert sorted(tested) == sorted(rows["performance"])


@few
@given(ACTORS)
def test_emobox_s_folds_whatever_the_project_s_are(actors: set[int]) -> None:
    rows = catalogue(sorted(actors), channels=(1,), emotions=2)
    expected = {fold: actors & set(own) for fold, own in EMOBOX.items() if actors & set(own)}
    if len(expected) < 3:
        with pytest.raises(CorpusError, match=f"in {len(expected)} folds|training part is empty"):
            deal_rounds(rows, "speech", "emobox", 4, 20)
        return
    rounds = deal_rounds(rows, "speech", "emobox", 4, 20)
    tested = {
        fold: {actor_of(name) for name in table.loc[table["part"].eq("test"), "performance"]}
        for fold, table in rounds.items()
    }
    assert tested == expected


def test_the_next_fold_stops_the_training() -> None:
    rounds = deal_rounds(catalogue(range(1, 13)), "speech", "actor", 6, 20)
    stopping = {
        fold: table.loc[table["part"].eq("valid"), "fold"].iloc[0] for fold, table in rounds.items()
    }
    assert stopping == {1: 2, 2: 3, 3: 4, 4: 5, 5: 6, 6: 1}


@few
@given(ACTORS, st.integers(1, 100))
def test_the_study_s_split(actors: set[int], seed: int) -> None:
    rows = catalogue(sorted(actors), channels=(1,), statements=2)
    ((fold, table),) = deal_rounds(rows, "speech", "random", 6, seed).items()
    shares = table["part"].value_counts(normalize=True)
    assert shares["train"] == pytest.approx(0.6, abs=0.05)
    assert shares["valid"] == pytest.approx(0.2, abs=0.05)
    assert table.loc[table["part"].eq("test"), "fold"].unique().tolist() == [fold]
    assert sorted(table["performance"]) == sorted(rows["performance"])
    for _, same in table.groupby(table["performance"].str[3:5])["part"]:
        assert (same.value_counts(normalize=True) - shares).abs().max() < 0.17


@pytest.mark.parametrize(
    ("channel", "codes"), [("speech", {"01"}), ("song", {"02"}), ("both", {"01", "02"})]
)
@pytest.mark.parametrize("protocol", ["random", "actor"])
def test_a_channel_is_dealt_by_itself(
    channel: Channel, codes: set[str], protocol: Protocol
) -> None:
    for table in deal_rounds(catalogue(range(1, 13)), channel, protocol, 6, 20).values():
        assert set(table["performance"].str[:2]) == codes


def test_what_is_set_aside_is_not_dealt() -> None:
    rows = catalogue(range(1, 13))
    rows.loc[rows["actor"].eq("03"), "finding"] = "silent"
    for protocol in ("random", "actor"):
        for table in deal_rounds(rows, "both", protocol, 6, 20).values():
            assert 3 not in {actor_of(name) for name in table["performance"]}


@pytest.mark.parametrize("channel", ["song", "both"])
def test_a_channel_that_is_not_there(channel: Channel) -> None:
    with pytest.raises(CorpusError, match="the corpus has no song"):
        deal_rounds(catalogue(range(1, 13), channels=(1,)), channel, "actor", 6, 20)
