"""Which performances a baseline is trained on, stopped by and tested on.

Both ways of dealing are computed from the catalogue, whatever `split.protocol` says: the study's
own, and the one that an actor who was never heard needs.
"""

import pandas as pd

from ..corpus import split
from ..corpus.adapters import ravdess
from ..corpus.manifest import select_usable
from ..errors import CorpusError
from ..settings import Split

__all__ = ["deal", "of_channel"]


def deal(
    catalogue: pd.DataFrame, channel: str, protocol: str, folds: int, seed: int
) -> dict[int, pd.DataFrame]:
    """The parts of each training.

    `random`: one training, on three fifths of the channel's performances; a fifth is the validation
    part and a fifth is tested on. `actor`: as many as there are folds of actors; each fold is
    tested on once, by a model that the next one stopped and that the others trained.

    Args:
        catalogue: a row a recording
        channel: speech, song or both
        protocol: random or actor
        folds: of actors
        seed: of the random order

    Returns:
        by the fold that is tested on: columns performance, part, fold, as of `split.assign`

    Raises:
        CorpusError: the channel has no recordings, or too few folds of actors
    """
    rows = of_channel(catalogue, channel)
    how = Split.model_validate(
        {"protocol": protocol, "folds": folds, "test_fold": 1, "valid_fold": 2}
    )
    dealt = split.assign(rows, how, seed)
    if protocol == "random":
        return {int(fold): dealt for fold in dealt.loc[dealt["part"].eq("test"), "fold"].unique()}
    present = sorted({int(fold) for fold in dealt["fold"]})
    if len(present) < 3:
        raise CorpusError(f"its actors are in {len(present)} folds, and three parts need three")
    following = dict(zip(present, [*present[1:], present[0]], strict=True))
    return {
        test: dealt.assign(part=dealt["fold"].map({test: "test", valid: "valid"}).fillna("train"))
        for test, valid in following.items()
    }


def of_channel(catalogue: pd.DataFrame, channel: str) -> pd.DataFrame:
    """The usable recordings of a channel.

    Raises:
        CorpusError: there are none; for both, there is only one of the two
    """
    rows = select_usable(catalogue)
    codes = [code for code, name in ravdess.CHANNELS.items() if channel in (name, "both")]
    missing = [ravdess.CHANNELS[code] for code in codes if not rows["channel"].eq(code).any()]
    if missing:
        raise CorpusError(f"the corpus has no {' and no '.join(missing)}")
    return rows[rows["channel"].isin(codes)]
