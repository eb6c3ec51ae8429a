"""One run of a system: a channel, a protocol, and their trainings."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ..corpus.split import PARTS
from ..datasets import Dataset
from ..errors import CorpusError, join_names
from ..records import Channel, Protocol
from ..settings import Labels, Settings
from . import folds
from .clips import Clips
from .variants import Variant, variants_of

__all__ = ["Job", "prepare_job"]


@dataclass(frozen=True)
class Job:
    """A run of a system.

    Args:
        system: its name
        channel: speech, song or both
        protocol: random, actor or emobox
        rounds: by the fold that is tested on, the clips and their parts
        fingerprint: of the performances' parts, their features, the settings and the code:
            checkpoints of another fingerprint are not this run's
    """

    system: str
    channel: Channel
    protocol: Protocol
    rounds: dict[int, Dataset]
    fingerprint: str

    @property
    def title(self) -> str:
        """Its name in the MLflow UI: `lstm speech actor`."""
        return f"{self.system} {self.channel} {self.protocol}"

    @property
    def trainings(self) -> list[tuple[int, Variant]]:
        """Each variant, on each fold."""
        return [(fold, variant) for fold in self.rounds for variant in variants_of(self.system)]

    @property
    def split_id(self) -> str:
        """The id of the split that it makes."""
        return next(iter(self.rounds.values())).split_id


def prepare_job(
    system: str,
    channel: Channel,
    protocol: Protocol,
    settings: Settings,
    catalogue: pd.DataFrame,
    clips: Clips,
) -> Job:
    """Assign a channel's performances to parts and join them with their features.

    Args:
        catalogue: a row a recording
        clips: the features

    Raises:
        CorpusError: the channel has too little for three parts, or for all its emotions
    """
    frames = folds.deal_rounds(catalogue, channel, protocol, settings.split.folds, settings.seed)
    text = "".join(frame.to_csv(index=False, lineterminator="\n") for frame in frames.values())
    split = hashlib.sha256(text.encode()).hexdigest()[:12]
    labels = settings.labels
    rounds = {fold: _join_features(frame, clips, split, labels) for fold, frame in frames.items()}
    emotions = set(next(iter(frames.values()))["emotion"])
    _require_emotions(list(rounds.values()), emotions)
    return Job(system, channel, protocol, rounds, _fingerprint(settings, split, clips))


def _join_features(frame: pd.DataFrame, clips: Clips, split: str, labels: Labels) -> Dataset:
    available = next(iter(clips.arrays.values()))
    rows = frame[frame["performance"].isin(available)].sort_values("performance", ignore_index=True)
    features = {
        name: [array[key] for key in rows["performance"]] for name, array in clips.arrays.items()
    }
    return Dataset(rows, features, clips.specs, split, tuple(labels.classes))


def _require_emotions(rounds: list[Dataset], emotions: set[str]) -> None:
    """Stop where a part is empty, or a figure would be of fewer emotions than the channel has."""
    parts = [data.rows.groupby("part")["emotion"].agg(set) for data in rounds]
    if any(set(emotions_of.index) != set(PARTS) for emotions_of in parts):
        raise CorpusError("it has too few performances with features for three parts")
    trained = set.intersection(*(emotions_of["train"] for emotions_of in parts))
    tested = set.union(*(emotions_of["test"] for emotions_of in parts))
    if lacking := sorted(emotions - (trained & tested)):
        raise CorpusError(
            f"it has features of {len(rounds[0])} performances, too few for every emotion in the "
            f"training and in the test part: {join_names(lacking)} would be missing in one of them"
        )


def _fingerprint(settings: Settings, split: str, clips: Clips) -> str:
    digest = hashlib.sha256()
    for arrays in clips.arrays.values():
        for name in sorted(arrays):
            digest.update(f"{name} {arrays[name].shape}".encode())
            digest.update(arrays[name].tobytes())
    inputs = [
        [file.read_text("utf-8") for file in sorted(Path(__file__).parent.glob("*.py"))],
        settings.seed,
        settings.corpus.label,
        settings.labels.classes,
        settings.baselines.model_dump(exclude={"channels", "protocols"}),
        settings.evaluation.model_dump(),
        split,
        {name: spec.to_json() for name, spec in clips.specs.items()},
        digest.hexdigest(),
    ]
    return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:12]
