"""`results/audio/runs.json`: what each kept file of predictions was made by."""

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError

from ..errors import AvemoError
from ..schema import Strict

__all__ = [
    "PREDICTIONS",
    "RUNS",
    "UNCALIBRATED",
    "Baseline",
    "Champion",
    "Channel",
    "Facts",
    "Fold",
    "LeftOut",
    "Name",
    "Protocol",
    "Run",
    "System",
    "Trial",
    "read",
]

RUNS = "runs.json"
#: the champion's, and the same before their temperature
PREDICTIONS, UNCALIBRATED = "predictions.csv", "uncalibrated.csv"

Channel = Literal["speech", "song", "both"]
Protocol = Literal["random", "actor"]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Model = TypeVar("Model", bound=BaseModel)


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


class Fold(Strict):
    """One fold of the champion's cross-validation.

    Args:
        actors: who is tested
        members: the kind of each model whose mean answer it is, chosen without these actors
        configurations: of the members, or one for all of them
        inner_uar: on the actors that were left to choose by
        temperature: what the answer's logarithms were divided by, fitted without the tested actors
        uar: as the stage found it
    """

    fold: int
    actors: list[int]
    members: list[str]
    configurations: list[dict[str, Any]]
    inner_uar: float
    temperature: float
    uar: float
    run: Run


class Trial(Strict):
    """One configuration that the search tried.

    Args:
        hyperparameters: by name
        folds: UAR on each inner fold, by its number, by a fit that had not seen it
    """

    hyperparameters: dict[str, Any]
    folds: dict[str, float]
    run: Run


class Champion(Strict):
    """The whole procedure, each actor answered for by models that have not heard the actor.

    Args:
        trials: what its search tried
        others: what other searches tried, on the same corpus
    """

    corpus: str
    synthetic: bool
    protocol: Literal["actor"]
    performances: int
    run: Run
    folds: list[Fold]
    trials: list[Trial] = Field(default_factory=list)
    others: list[Trial] = Field(default_factory=list)
    seconds: dict[str, float]


class Baseline(Strict):
    """A baseline on a channel, by a protocol.

    Args:
        uar: as the stage found it
    """

    channel: Channel
    protocol: Protocol
    performances: int
    uar: float
    run: Run


class LeftOut(Strict):
    """A channel and protocol that a baseline could not be run on."""

    channel: Channel
    protocol: Protocol
    reason: str


class System(Strict):
    """The runs of a baseline, or why there are none."""

    name: Name
    corpus: str = ""
    synthetic: bool = False
    runs: list[Baseline] = Field(default_factory=list)
    left_out: list[LeftOut] = Field(default_factory=list)
    absent: str = ""

    def file(self, run: Baseline) -> str:
        """Where a run's predictions are kept, below `results/audio`."""
        return f"baselines/{self.name}-{run.channel}-{run.protocol}.csv"


class Facts(Strict):
    """The whole file."""

    champion: Champion | None = None
    systems: list[System] = Field(default_factory=list)

    @property
    def files(self) -> list[str]:
        """The predictions that are kept, below `results/audio`."""
        champion = [PREDICTIONS, UNCALIBRATED] if self.champion else []
        return [*champion, *(each.file(run) for each in self.systems for run in each.runs)]


def read(model: type[Model], file: Path, name: str) -> Model:
    """A JSON file, checked.

    Args:
        name: what an error calls it

    Raises:
        AvemoError: it is no JSON, or a key, type or value is wrong
    """
    try:
        return model.model_validate_json(file.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise AvemoError(f"{name}{f', {key}' if key else ''}: {first['msg']}") from None
