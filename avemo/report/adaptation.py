"""What adaptation to a speaker is worth, by the kept results of study/adaptation.py."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..errors import AvemoError
from ..evaluation import metrics
from ..evaluation.bootstrap import Bootstrap, Interval
from ..records import Figures
from ..tables import read_csv
from ..training.adaptation import UNADAPTED, curve_figures

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "ABSTENTION",
    "ABSTENTION_COLUMNS",
    "CURVE",
    "FOLDER",
    "FUSED",
    "KINDS",
    "REFUSED",
    "REFUSED_COLUMNS",
    "SPEAKERS",
    "SPEAKER_COLUMNS",
    "TWO_ENCODERS",
    "AdaptationTables",
    "Results",
    "equal_error_rate",
    "read",
    "tables",
]

#: in a checkout
FOLDER = Path("results", "adaptation")
CURVE, SPEAKERS = FOLDER / "curve.csv", FOLDER / "speakers.csv"
FUSED, TWO_ENCODERS = FOLDER / "fused.csv", FOLDER / "two_encoders.csv"
ABSTENTION = FOLDER / "abstention.csv"
#: what speakers are compared by
KINDS = ("statistics", "features")
REFUSED = FOLDER / "refused.csv"
REFUSED_COLUMNS = ["case", "speaker", "own", "others"]
SPEAKER_COLUMNS = ["kind", "clips", "speaker", "other", "score"]
ABSTENTION_COLUMNS = ["system", "case", "speaker", "answered", "right", "covered"]


@dataclass(frozen=True)
class Results:
    """The kept results.

    Args:
        curve: a row a performance: `performance`, `true`, `actor`, and for each case the share of
            draws in which it is right
        fused: the same for sound and picture
        two_encoders: the same for sound, by an ensemble on two encoders
        speakers: a row a pair of sets of clips, see `SPEAKER_COLUMNS`
        refused: by case and speaker, the shares of own and of others' clips that are refused
        abstention: by system, case and speaker, the shares of clips that are `answered`, answered
            and `right`, and `covered` by their set of emotions; by thresholds of unadapted answers
    """

    curve: pd.DataFrame
    fused: pd.DataFrame
    two_encoders: pd.DataFrame
    speakers: pd.DataFrame
    refused: pd.DataFrame
    abstention: pd.DataFrame


@dataclass(frozen=True)
class AdaptationTables:
    """What the page shows.

    Args:
        curve: each case with its unweighted average recall and the difference to no speaker, of
            sound, of sound with picture, and of sound by two encoders
        speakers: by clips in a set, the equal error rate by each of `KINDS`
        refused: by case, the shares of own and of others' clips that are refused
        abstention: by case, of sound and of sound with picture, the share of clips that are
            answered, of right ones among these, and of sets that hold the emotion
        uars: the figures of `curve` for sound
        fused_uars: those for sound and picture
    """

    curve: list[tuple[str, ...]]
    speakers: list[tuple[str, ...]]
    refused: list[tuple[str, ...]]
    abstention: list[tuple[str, ...]]
    uars: dict[str, Interval]
    fused_uars: dict[str, Interval]


def read(root: Path) -> Results | None:
    """Return the kept results; None where there are none.

    Args:
        root: of the checkout

    Raises:
        AvemoError: a file is damaged
    """
    if not (root / CURVE).exists():
        return None
    try:
        results = Results(
            read_csv(root / CURVE, ["performance", "actor"]),
            read_csv(root / FUSED, ["performance", "actor"]),
            read_csv(root / TWO_ENCODERS, ["performance", "actor"]),
            read_csv(root / SPEAKERS, ["speaker", "other"]),
            read_csv(root / REFUSED, ["speaker"]),
            read_csv(root / ABSTENTION, ["speaker"]),
        )
    except (OSError, ValueError) as error:
        raise AvemoError(f"{FOLDER}: {error}; bring it back (git checkout -- {FOLDER})") from None
    curve_columns = {"performance", "true", "actor", UNADAPTED}
    curves = (results.curve, results.fused, results.two_encoders)
    missing = curve_columns - set.intersection(*(set(rows) for rows in curves))
    missing |= set(SPEAKER_COLUMNS) - set(results.speakers)
    missing |= set(REFUSED_COLUMNS) - set(results.refused)
    missing |= set(ABSTENTION_COLUMNS) - set(results.abstention)
    if missing:
        raise AvemoError(
            f"{FOLDER}: there is no column {', '.join(sorted(missing))}; bring it back (git "
            f"checkout -- {FOLDER})"
        )
    return results


def tables(results: Results, bootstrap: Bootstrap) -> AdaptationTables:
    """Return what the page shows of the kept results."""
    systems = [
        curve_figures(rows, bootstrap)
        for rows in (results.curve, results.fused, results.two_encoders)
    ]
    sound, fused, _ = systems
    curve: list[tuple[str, ...]] = [
        (case, *(cell for figures in systems for cell in _figures_of(figures, case)))
        for case in sound[0]
    ]
    speakers: list[tuple[str, ...]] = []
    for clips, rows in results.speakers.groupby("clips"):
        rates = [equal_error_rate(rows[rows["kind"].eq(kind)], bootstrap) for kind in KINDS]
        speakers.append((f"{clips}", *map(str, rates)))
    refused: list[tuple[str, ...]] = [
        (
            str(case),
            *(
                str(_ratio(rows[name].to_numpy(float), np.ones(len(rows)), bootstrap))
                for name in ("own", "others")
            ),
        )
        for case, rows in results.refused.groupby("case", sort=False)
    ]
    abstention: list[tuple[str, ...]] = []
    for case, rows in results.abstention.groupby("case", sort=False):
        cells: list[str] = []
        for _, own in rows.groupby("system", sort=False):
            answered, right, covered = (
                own[name].to_numpy(float) for name in ("answered", "right", "covered")
            )
            every = np.ones(len(own))
            pairs = ((answered, every), (right, answered), (covered, every))
            cells += [str(_ratio(part, of, bootstrap)) for part, of in pairs]
        abstention.append((str(case), *cells))
    return AdaptationTables(curve, speakers, refused, abstention, sound[0], fused[0])


def _figures_of(figures: tuple[Figures, Figures], case: str) -> tuple[str, str]:
    """Return the recall in a case, and its difference to no speaker."""
    uars, differences = figures
    return str(uars[case]), "–" if case == UNADAPTED else f"{differences[case]:+}"


def _ratio(
    part: "NDArray[np.float64]", of: "NDArray[np.float64]", bootstrap: Bootstrap
) -> Interval:
    """Return the ratio of two sums over speakers [shape=(speakers,)]."""

    def ratios(draws: "NDArray[np.int64]") -> dict[str, np.ndarray]:
        return {"ratio": metrics.ratio(draws @ part, draws @ of)}

    own = bootstrap.expanded(len(part))
    return own.intervals(ratios, actors=len(part), performances=len(part))["ratio"]


def equal_error_rate(scores: pd.DataFrame, bootstrap: Bootstrap) -> Interval:
    """Return the rate at which as many pairs of one speaker are missed as others' are taken for it.

    Args:
        scores: a row a pair, with the columns speaker, other and score
        bootstrap: draws speakers; a pair counts as often as both of its speakers are drawn
    """
    ordered = scores.sort_values("score", ascending=False)
    names = sorted(set(ordered["speaker"]) | set(ordered["other"]))
    codes = {name: code for code, name in enumerate(names)}
    speaker, other = (ordered[name].map(codes).to_numpy() for name in ("speaker", "other"))
    same = speaker == other

    def rates(draws: "NDArray[np.int64]") -> dict[str, np.ndarray]:
        return {"eer": np.array([_rate(draw, speaker, other, same) for draw in draws])}

    own = bootstrap.expanded(len(names))
    return own.intervals(rates, actors=len(names), performances=len(ordered))["eer"]


def _rate(
    draw: "NDArray[np.int64]",
    speaker: "NDArray[np.int64]",
    other: "NDArray[np.int64]",
    same: "NDArray[np.bool_]",
) -> float:
    weights = np.where(same, draw[speaker], draw[speaker] * draw[other]).astype(float)
    accepted = [np.cumsum(weights * which) for which in (same, ~same)]
    if not accepted[0][-1] or not accepted[1][-1]:
        return float("nan")
    missed = 1 - accepted[0] / accepted[0][-1]
    false_alarms = accepted[1] / accepted[1][-1]
    nearest = int(np.abs(missed - false_alarms).argmin())
    return float((missed[nearest] + false_alarms[nearest]) / 2)
