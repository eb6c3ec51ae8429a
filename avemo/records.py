"""What one stage leaves for another: records that a file's writer and its readers share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError

from .errors import AvemoError
from .evaluation.bootstrap import Interval
from .io import whole
from .settings import Strict

__all__ = [
    "BaselineResult",
    "BaselineRun",
    "Channel",
    "CrossValidatedFold",
    "CrossValidationResult",
    "FoldResult",
    "Hyperparameters",
    "Protocol",
    "Record",
    "Skipped",
    "SkippedRun",
    "SystemName",
    "read_model",
    "read_record",
    "write_record",
]

Channel = Literal["speech", "song", "both"]
Protocol = Literal["random", "actor"]
SystemName = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
#: by name, as Keras Tuner has them, such as `whisper/dropout`
Hyperparameters = dict[str, bool | int | float | str | None]


class Record(Strict):
    """A file's content; its version changes when its fields do."""

    schema_version: Literal[1] = 1


class Skipped(Record):
    """What a stage leaves where it could not run.

    Args:
        skipped: the reason, in a sentence
    """

    skipped: str


class FoldResult(Strict):
    """One fold of a cross-validation of the whole procedure.

    Args:
        fold: its number
        actors: who is tested
        members: the architecture of each model whose mean answer it is, chosen without these actors
        configurations: of the members
        temperature: what the answer's logarithms are divided by, fitted without the tested actors
        inner_uar: of the ensemble, on the actors that it was chosen by
        uar: on the tested actors
    """

    fold: int
    actors: list[int]
    members: list[str]
    configurations: list[Hyperparameters]
    temperature: float
    inner_uar: float
    uar: float


class CrossValidatedFold(FoldResult):
    """A fold's result, with its run in MLflow."""

    run_id: str
    run_name: str


class CrossValidationResult(Record):
    """`summary.json` of the stage `crossvalidate`.

    Args:
        figures: of all folds' predictions together, by metric
    """

    synthetic: bool
    protocol: Protocol
    run_id: str
    run_name: str
    folds: list[CrossValidatedFold]
    figures: dict[str, Interval]


class BaselineRun(Strict):
    """A baseline on a channel, by a protocol.

    Args:
        predictions: the file's name, beside the record
        test: the figures on the test parts, by metric
    """

    channel: Channel
    protocol: Protocol
    experiment: str
    run_id: str
    run_name: str
    predictions: str
    test: dict[str, Interval]


class SkippedRun(Strict):
    """A channel and protocol that a baseline could not be run on."""

    channel: Channel
    protocol: Protocol
    reason: str


class BaselineResult(Record):
    """`runs.json` of the stage `baselines`."""

    system: SystemName
    synthetic: bool
    runs: list[BaselineRun]
    skipped_runs: list[SkippedRun]


Model = TypeVar("Model", bound=BaseModel)


def read_model(model: type[Model], file: Path, name: str) -> Model:
    """Return a JSON file's content.

    Args:
        model: what the file holds
        name: what an error calls the file

    Raises:
        AvemoError: the file is no JSON, or a key, type or value is wrong
    """
    try:
        return model.model_validate_json(file.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(place) for place in first["loc"])
        raise AvemoError(f"{name}{f', {key}' if key else ''}: {first['msg']}") from None


def read_record(record: type[Model], file: Path, name: str) -> Model | Skipped:
    """Return what a stage left, or why it left nothing.

    Args:
        record: what it leaves where it ran
        name: what an error calls the file

    Raises:
        AvemoError: the file is no JSON, or a key, type or value is wrong
    """
    try:
        return Skipped.model_validate_json(file.read_bytes())
    except ValidationError:
        return read_model(record, file, name)


def write_record(record: Record, file: Path) -> None:
    """Write a record as JSON, whole or not at all."""
    with whole(file) as beside:
        beside.write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")
