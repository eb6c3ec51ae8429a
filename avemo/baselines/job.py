"""One run of a system: a channel, a protocol, and the trainings that they take."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ..corpus import ravdess
from ..corpus.split import PARTS
from ..errors import CorpusError
from ..settings import Settings
from ..training.data import Dataset
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
        CorpusError: the channel has too little for three parts
    """
    dealt = folds.deal(catalogue, channel, protocol, settings.split.folds, settings.seed)
    text = "".join(table.to_csv(index=False, lineterminator="\n") for table in dealt.values())
    split = hashlib.sha256(text.encode()).hexdigest()[:12]
    rounds = {fold: _joined(table, clips, split) for fold, table in dealt.items()}
    parts = [set(data.rows["part"]) for data in rounds.values()]
    if not parts or any(len(each) < len(PARTS) for each in parts):
        raise CorpusError("it has too few performances with features for three parts")
    return Job(system, channel, protocol, rounds, _identity(settings, split, clips))


def _joined(table: pd.DataFrame, clips: Clips, split: str) -> Dataset:
    heard = next(iter(clips.arrays.values()))
    rows = table[table["performance"].isin(heard)].sort_values("performance", ignore_index=True)
    # the labels come from the performance's own name: no table can put them out of step
    decoded = [ravdess.parse(f"03-{name}") for name in rows["performance"]]
    rows = rows.assign(actor=[one.actor for one in decoded], emotion=[one.label for one in decoded])
    features = {
        name: [found[key] for key in rows["performance"]] for name, found in clips.arrays.items()
    }
    return Dataset(rows, features, {clips.extractor: clips.description}, split)


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
        clips.description,
        digest.hexdigest(),
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]
