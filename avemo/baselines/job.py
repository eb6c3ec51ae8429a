"""One run of a system: a channel, a protocol, and the trainings that they take."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ..corpus.adapters import ravdess
from ..corpus.split import PARTS
from ..datasets import Dataset
from ..errors import CorpusError, join_names
from ..settings import Settings
from . import folds
from .clips import Clips
from .variants import Variant, of

__all__ = ["Job", "make"]


@dataclass(frozen=True)
class Job:
    """What is run.

    Args:
        system: its name
        channel: speech, song or both
        protocol: random or actor
        rounds: by the fold that is tested on, the clips and their parts
        identity: of the dealt performances, their features, the settings and the code: what was
            kept of another must not be taken for this one's
    """

    system: str
    channel: str
    protocol: str
    rounds: dict[int, Dataset]
    identity: str

    @property
    def title(self) -> str:
        """As in the MLflow UI: `lstm speech actor`."""
        return f"{self.system} {self.channel} {self.protocol}"

    @property
    def trainings(self) -> list[tuple[int, Variant]]:
        """Every variant, on every fold."""
        return [(fold, variant) for fold in self.rounds for variant in of(self.system)]

    @property
    def split(self) -> str:
        """The id of the way that the performances are dealt."""
        return next(iter(self.rounds.values())).split


def make(
    system: str,
    channel: str,
    protocol: str,
    settings: Settings,
    catalogue: pd.DataFrame,
    clips: Clips,
) -> Job:
    """Deal a channel's performances and join them with their features.

    Args:
        catalogue: a row a recording
        clips: the features

    Raises:
        CorpusError: the channel has too little for three parts, or for all its emotions
    """
    dealt = folds.deal(catalogue, channel, protocol, settings.split.folds, settings.seed)
    text = "".join(table.to_csv(index=False, lineterminator="\n") for table in dealt.values())
    split = hashlib.sha256(text.encode()).hexdigest()[:12]
    rounds = {fold: _joined(table, clips, split) for fold, table in dealt.items()}
    names = next(iter(dealt.values()))["performance"]
    _refuse_few(list(rounds.values()), {ravdess.parse(f"03-{name}").label for name in names})
    return Job(system, channel, protocol, rounds, _identity(settings, split, clips))


def _joined(table: pd.DataFrame, clips: Clips, split: str) -> Dataset:
    there = next(iter(clips.arrays.values()))
    rows = table[table["performance"].isin(there)].sort_values("performance", ignore_index=True)
    # the labels come from the performance's own name: no table can put them out of step
    decoded = [ravdess.parse(f"03-{name}") for name in rows["performance"]]
    rows = rows.assign(actor=[one.actor for one in decoded], emotion=[one.label for one in decoded])
    features = {
        name: [found[key] for key in rows["performance"]] for name, found in clips.arrays.items()
    }
    return Dataset(rows, features, clips.specs, split)


def _refuse_few(rounds: list[Dataset], emotions: set[str]) -> None:
    """Stop where a part is empty, or a figure would be of fewer emotions than the channel has."""
    parts = [data.rows.groupby("part")["emotion"].agg(set) for data in rounds]
    if any(set(each.index) != set(PARTS) for each in parts):
        raise CorpusError("it has too few performances with features for three parts")
    trained = set.intersection(*(each["train"] for each in parts))
    tested = set.union(*(each["test"] for each in parts))
    if lacking := sorted(emotions - (trained & tested)):
        raise CorpusError(
            f"it has features of {len(rounds[0])} performances, too few for every emotion in the "
            f"training and in the test part: {join_names(lacking)} cannot be had in both"
        )


def _identity(settings: Settings, split: str, clips: Clips) -> str:
    digest = hashlib.sha256()
    for found in clips.arrays.values():
        for name in sorted(found):
            digest.update(f"{name} {found[name].shape}".encode())
            digest.update(found[name].tobytes())
    facts = [
        [file.read_text("utf-8") for file in sorted(Path(__file__).parent.glob("*.py"))],
        settings.seed,
        settings.corpus.label,
        settings.baselines.model_dump(exclude={"channels", "protocols"}),
        settings.evaluation.model_dump(),
        split,
        {name: spec.to_json() for name, spec in clips.specs.items()},
        digest.hexdigest(),
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]
