"""The champion's recipe on speech, on song and on both, and whether one helps the other."""

from collections.abc import Iterator
from dataclasses import dataclass

from ..evaluation.metrics import chance_level
from ..evaluation.paired import paired_bootstrap
from ..records import Channel, Interval
from .manifest import Champion
from .scored import Figures, Scored

__all__ = ["ChannelTables", "Difference", "tables"]

#: of which `both` consists
_SINGLE: tuple[Channel, ...] = ("speech", "song")

Row = tuple[object, ...]


@dataclass(frozen=True)
class Difference:
    """What training on both channels changes on one of them.

    Args:
        channel: speech or song
        other: the one that the training is on as well
        uar: of the recipe trained on both less that of the recipe trained on the channel alone, on
            the same performances
        accuracy: likewise
    """

    channel: Channel
    other: Channel
    uar: Interval
    accuracy: Interval

    @property
    def row(self) -> Row:
        """Its row on the page."""
        counts = f"{self.uar.performances:,}", self.uar.actors
        return self.channel, *counts, f"{self.uar:+}", f"{self.accuracy:+}"

    @property
    def effect(self) -> str:
        """`helps` or `harms` where the entire interval of UAR says so; else empty."""
        if self.uar.positive:
            return "helps"
        return "harms" if self.uar.high is not None and self.uar.high < 0 else ""


@dataclass(frozen=True)
class ChannelTables:
    """What the page shows of the champion's recipe by channel.

    Args:
        rows: trained on, networks in the ensemble, tested on, and the figures
        differences: of training on both; none where there is nothing to compare with
        commits: whose code trained them
    """

    synthetic: bool
    rows: list[Row]
    differences: list[Difference]
    commits: list[str]


def tables(scored: Scored) -> ChannelTables | None:
    """Return what the page shows; None where the headline says all there is."""
    champions = scored.published.manifest.champions
    rows = [row for champion in champions for row in _rows(scored, champion)]
    if len(rows) < 2:
        return None
    commits = {champion.run.commit[:12]: None for champion in champions}
    return ChannelTables(champions[0].synthetic, rows, list(_differences(scored)), list(commits))


def _rows(scored: Scored, champion: Champion) -> Iterator[Row]:
    """Return a champion's row, and where it was trained on both, one for each of the two."""
    predictions = scored.published.predictions[champion.predictions]
    figures = scored.figures[champion.predictions]
    trained = champion.channel
    members = len(champion.folds[0].members)
    yield trained, members, trained, *_cells(figures, chance_level(predictions["true"]))
    if trained == "both":
        for channel in _SINGLE:
            tested = predictions[predictions["channel"].eq(channel)]
            chance = chance_level(tested["true"])
            yield trained, members, f"{channel} of both", *_cells(scored.score(tested), chance)


def _cells(figures: Figures, chance: float) -> Row:
    uar = figures["uar"]
    counts = f"{uar.performances:,}", uar.actors, round(1 / chance), f"{chance:.3f}"
    return *counts, uar, figures["accuracy"]


def _differences(scored: Scored) -> Iterator[Difference]:
    """Compare training on both with training on one channel alone, on performances of both."""
    manifest, predictions = scored.published.manifest, scored.published.predictions
    both = manifest.champion("both")
    for channel, other in zip(_SINGLE, reversed(_SINGLE), strict=True):
        single = manifest.champion(channel)
        if both and single:
            figures = paired_bootstrap(
                predictions[both.predictions], predictions[single.predictions], scored.bootstrap
            )
            if figures:
                yield Difference(channel, other, figures["uar"], figures["accuracy"])
