"""`results/audio/runs.json`: which run made each published file of predictions."""

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator

from ..baselines.published import CHANNELS
from ..errors import AvemoError
from ..records import (
    Channel,
    Configuration,
    FoldResult,
    Protocol,
    SkippedRun,
    SystemName,
)
from ..schema import Strict

__all__ = [
    "RUNS",
    "Baseline",
    "Champion",
    "Fold",
    "Manifest",
    "Run",
    "System",
    "Trial",
    "read",
]

RUNS = "runs.json"


class Run(Strict):
    """A run in MLflow.

    Args:
        commit: of the code; empty where it was in no repository
        changed: whether the code differed from that commit
    """

    experiment: str
    run_id: str
    run_name: str
    commit: str
    changed: bool
    params: dict[str, str]


class Fold(FoldResult):
    """One fold of the champion's cross-validation; its actors are RAVDESS's numbers."""

    actors: list[int]
    run: Run


class Trial(Strict):
    """One configuration that a search tried.

    Args:
        folds: UAR on each inner fold, by its number, of a model that was not trained on it
    """

    hyperparameters: Configuration
    folds: dict[str, float]
    run: Run


class Champion(Strict):
    """The cross-validation of the whole procedure: search, ensemble selection and calibration.

    Args:
        channel: that it was trained and tested on
        trials: what its search tried
        others: what other searches tried, on the same recordings and folds
    """

    channel: Channel
    corpus: str
    synthetic: bool
    protocol: Literal["actor"]
    performances: int
    run: Run
    folds: list[Fold]
    trials: list[Trial] = Field(default_factory=list)
    others: list[Trial] = Field(default_factory=list)

    @property
    def predictions(self) -> str:
        """The file of its predictions, below `results/audio`."""
        return f"champion/{self.channel}.csv"

    @property
    def uncalibrated(self) -> str:
        """The file of the same before temperature scaling, below `results/audio`."""
        return f"champion/{self.channel}-uncalibrated.csv"


class Baseline(Strict):
    """A baseline on a channel, by a protocol.

    Args:
        uar: as the stage measured it
    """

    channel: Channel
    protocol: Protocol
    corpus: str
    performances: int
    uar: float
    run: Run


class System(Strict):
    """The runs of a baseline.

    Args:
        skipped: why there are none; empty where there are some
    """

    name: SystemName
    synthetic: bool = False
    runs: list[Baseline] = Field(default_factory=list)
    skipped_runs: list[SkippedRun] = Field(default_factory=list)
    skipped: str = ""

    def predictions(self, run: Baseline) -> str:
        """Return the file of a run's predictions, below `results/audio`."""
        return f"baselines/{self.name}-{run.channel}-{run.protocol}.csv"


class Manifest(Strict):
    """The whole file.

    Args:
        champions: the same recipe, trained and tested on one channel each; all of the synthetic
            sample or none
    """

    champions: list[Champion] = Field(default_factory=list)
    systems: list[System] = Field(default_factory=list)

    @field_validator("champions")
    @classmethod
    def _sort_by_channel(cls, champions: list[Champion]) -> list[Champion]:
        if len({champion.channel for champion in champions}) < len(champions):
            raise ValueError("there are two of the same channel")
        if len({champion.synthetic for champion in champions}) > 1:
            raise ValueError("some are of the synthetic sample and others are not")
        return sorted(champions, key=lambda champion: CHANNELS.index(champion.channel))

    @property
    def headline(self) -> Champion | None:
        """The champion that the pages are about: that of speech where there is one."""
        return self.champions[0] if self.champions else None

    def champion(self, channel: Channel) -> Champion | None:
        """Return the champion of a channel; None where there is none."""
        by_channel = {champion.channel: champion for champion in self.champions}
        return by_channel.get(channel)

    @property
    def files(self) -> list[str]:
        """The files of predictions, below `results/audio`."""
        champions = [
            name
            for champion in self.champions
            for name in (champion.predictions, champion.uncalibrated)
        ]
        return [
            *champions,
            *(system.predictions(run) for system in self.systems for run in system.runs),
        ]


def read(folder: Path, name: str) -> Manifest:
    """Return a folder's manifest.

    Args:
        name: what an error calls the file

    Raises:
        AvemoError: the file is no JSON, or a key, type or value is wrong
    """
    try:
        return Manifest.model_validate_json((folder / RUNS).read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(place) for place in first["loc"])
        raise AvemoError(f"{name}{f', {key}' if key else ''}: {first['msg']}") from None
