"""The fold of each performance, by every protocol of the split but the random one."""

import numpy as np
import pandas as pd

from ..errors import CorpusError, join_names
from ..settings import Split
from .adapters import ravdess

__all__ = ["EMOBOX", "fold_by_corpus", "fold_by_emobox", "fold_by_manifest", "fold_by_speaker"]

#: RAVDESS's actors that are tested together, by fold.
#:
#: Source: Z. Ma et al.: EmoBox: multilingual multi-corpus speech emotion recognition toolkit and
#: benchmark. Interspeech 2024
EMOBOX = {
    1: (1, 11, 20, 21),
    2: (4, 10, 12, 14),
    3: (8, 9, 19, 23),
    4: (3, 5, 7, 24),
    5: (2, 15, 16, 18),
    6: (6, 13, 17, 22),
}


def fold_by_speaker(performances: pd.DataFrame, folds: int) -> "pd.Series[int]":
    """Return folds that share no speaker.

    Pairs of neighbouring actors of RAVDESS (one man, one woman) are assigned to the folds in turn,
    so that no actor's fold depends on the others: six folds of two men and two women. Speakers of
    other corpora, in the order of corpus, sex and name, are assigned to the folds in turn: of no
    corpus and sex does a fold have two more than another.

    Args:
        performances: columns corpus, actor, sex; a row a performance
        folds: how many
    """
    numbered = performances["corpus"].eq(ravdess.NAME)
    fold = pd.Series(0, index=performances.index)
    fold[numbered] = (performances.loc[numbered, "actor"].astype(int) - 1) // 2 % folds + 1
    others = performances[~numbered]
    speakers = others.groupby("actor")[["corpus", "sex"]].first().reset_index()
    speakers = speakers.sort_values(["corpus", "sex", "actor"])
    by_speaker = pd.Series(np.arange(len(speakers)) % folds + 1, index=speakers["actor"])
    fold[~numbered] = others["actor"].map(by_speaker)
    return fold


def fold_by_emobox(performances: pd.DataFrame) -> "pd.Series[int]":
    """Return the folds that EmoBox publishes for RAVDESS.

    Raises:
        CorpusError: there are other speakers
    """
    folds = {f"{actor:02d}": fold for fold, actors in EMOBOX.items() for actor in actors}
    known = performances["corpus"].eq(ravdess.NAME) & performances["actor"].isin(list(folds))
    if not known.all():
        others = sorted(performances[~known]["actor"].unique())
        raise CorpusError(
            "split.protocol: emobox has folds for RAVDESS's 24 actors alone, and the corpus has "
            f"{join_names(others)}: set split.protocol to actor"
        )
    return performances["actor"].map(folds)


def fold_by_corpus(performances: pd.DataFrame, folds: int) -> "pd.Series[int]":
    """Return a fold for each corpus, in the order of their names.

    Args:
        performances: column corpus; a row a performance
        folds: how many there must be

    Raises:
        CorpusError: there are fewer than three corpora, or not as many as folds
    """
    corpora = sorted(performances["corpus"].unique())
    there_are = f"the recordings are of {len(corpora)} ({join_names(corpora)})"
    if len(corpora) < 3:
        raise CorpusError(
            "split.protocol: corpus needs three corpora or more, to train, validate and test on, "
            f"and {there_are}: add corpora to the manifest, or set split.protocol to actor"
        )
    if len(corpora) != folds:
        raise CorpusError(
            f"split.protocol: corpus has a fold for each corpus: {there_are}, and split.folds is "
            f"{folds}: set it to {len(corpora)} in params.yaml"
        )
    return performances["corpus"].map({name: at for at, name in enumerate(corpora, start=1)})


def fold_by_manifest(performances: pd.DataFrame, settings: Split) -> "pd.Series[int]":
    """Return the folds that the manifest gives.

    Where it gives parts, `test` is the test fold and `valid` the validation fold, and the speakers
    of `train` are assigned to the other folds in turn.

    Args:
        performances: columns corpus, actor, sex, split; a row a performance
        settings: the numbers of the folds

    Raises:
        CorpusError: a performance has no split, or one beyond `settings.folds`
    """
    split = performances["split"]
    if (empty := split.eq("")).any():
        raise CorpusError(
            f"split.protocol: manifest needs a split for every performance, and {empty.sum():,} of "
            f"{len(split):,} have none: {join_names(sorted(split.index[empty]))}; fill the "
            "manifest's column `split`, or set split.protocol to actor"
        )
    if split.str.isdecimal().all():
        fold = split.astype(int)
        if fold.max() > settings.folds:
            raise CorpusError(
                f"the manifest has folds up to {fold.max()}, more than split.folds "
                f"({settings.folds}): raise it in params.yaml"
            )
        return fold
    named = {"test": settings.test_fold, "valid": settings.valid_fold}
    others = [fold for fold in range(1, settings.folds + 1) if fold not in named.values()]
    rank = fold_by_speaker(performances[split.eq("train")], len(others))
    trained = rank.map(lambda place: others[place - 1])
    return split.map(named).fillna(trained).astype(int)
