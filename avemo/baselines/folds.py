"""Which performances a baseline is trained on, stopped by and tested on.

Every protocol is computed from the catalogue: the study's own, and two that tell how well an actor
is recognised who was never heard, on the project's folds of actors and on EmoBox's.
"""

import pandas as pd

from ..corpus import split
from ..corpus.adapters import ravdess
from ..corpus.folds import EMOBOX
from ..corpus.selection import require_columns, select_usable
from ..errors import CorpusError
from ..settings import Split

__all__ = ["deal_rounds", "select_channel"]


def deal_rounds(
    catalogue: pd.DataFrame, channel: str, protocol: str, folds: int, seed: int
) -> dict[int, pd.DataFrame]:
    """Return the parts of each training.

    `random`: one training, on three fifths of the channel's performances; a fifth is the validation
    part and a fifth is tested on. `actor` and `emobox`: as many as there are folds of actors; each
    fold is tested on once, by a model that the next one stopped and that the others trained.

    Args:
        catalogue: a row a recording
        channel: speech, song or both
        protocol: random, actor or emobox
        folds: of actors, by the protocol `actor`
        seed: of the random order

    Returns:
        by the fold that is tested on: columns performance, part, fold, as of `split.assign`

    Raises:
        CorpusError: the channel has no recordings, or too few folds of actors
    """
    rows = select_channel(catalogue, channel)
    count = len(EMOBOX) if protocol == "emobox" else folds
    protocol_settings = Split.model_validate(
        {"protocol": protocol, "folds": count, "test_fold": 1, "valid_fold": 2}
    )
    parts = split.assign(rows, protocol_settings, seed)
    if protocol == "random":
        return {int(fold): parts for fold in parts.loc[parts["part"].eq("test"), "fold"].unique()}
    present = sorted({int(fold) for fold in parts["fold"]})
    if len(present) < 3:
        raise CorpusError(f"its actors are in {len(present)} folds, and three parts need three")
    following = dict(zip(present, [*present[1:], present[0]], strict=True))
    return {
        test: parts.assign(part=parts["fold"].map({test: "test", valid: "valid"}).fillna("train"))
        for test, valid in following.items()
    }


def select_channel(catalogue: pd.DataFrame, channel: str) -> pd.DataFrame:
    """Return the usable recordings of a channel.

    Raises:
        CorpusError: there are none; for both, there is only one of the two
    """
    require_columns(catalogue, "channel")
    rows = select_usable(catalogue)
    codes = [code for code, name in ravdess.CHANNELS.items() if channel in (name, "both")]
    missing = [ravdess.CHANNELS[code] for code in codes if not rows["channel"].eq(code).any()]
    if missing:
        raise CorpusError(f"the corpus has no {' and no '.join(missing)}")
    return rows[rows["channel"].isin(codes)]
