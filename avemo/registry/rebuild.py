"""A registered version, made again from what made it, and held against what it answered.

The chosen configuration is trained anew; the search is not repeated: its result is data.
"""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import AvemoError
from ..evaluation import metrics
from ..evaluation.predictions import read_predictions
from ..modalities import MODALITIES
from ..paths import Project
from ..records import Skipped, TrainResult
from ..tracking import dvc_lock, integrity
from ..tracking.git_state import DIFF
from ..tracking.lineage import FILE, Lineage
from . import lineage
from .checkout import checkout, run
from .differences import differences
from .register import PREDICTIONS

__all__ = ["Comparison", "compare", "rebuild"]


@dataclass(frozen=True)
class Comparison:
    """Two tables of predictions on the same performances.

    Args:
        performances: how many
        apart: the largest difference of a probability
        agree: of how many performances the answer is the same
    """

    performances: int
    apart: float
    agree: int

    @property
    def identical(self) -> bool:
        """To the last bit of each probability."""
        return self.apart == 0

    def __str__(self) -> str:
        if self.identical:
            return "identical"
        share = f"{self.agree} of {self.performances} answers agree"
        return f"differs by {self.apart:.2g}, the largest difference of a probability; {share}"


def rebuild(project: Project, uri: str) -> Iterator[str]:
    """Make a version again, in a folder that is gone afterwards; the last line says how it went.

    Nothing of the project, its results or its registry is touched.

    Args:
        uri: `models:/avemo-audio@champion`

    Yields:
        what is done, and at the end `rebuilt: identical` or `rebuilt: differs by …`

    Raises:
        AvemoError: something that it takes is not to be had
    """
    found = lineage.read(uri)
    with tempfile.TemporaryDirectory() as temporary:
        kept = Path(temporary)
        with integrity.opened(uri) as folder:
            for name in (dvc_lock.LOCK, PREDICTIONS, *([DIFF] * found.dirty)):
                if not (folder / name).exists():
                    raise AvemoError(f"{uri} holds no {name}: there is nothing to rebuild it by")
                shutil.copyfile(folder / name, kept / name)
        modality = found.stage.partition("@")[2] or "fused"
        yield f"{uri}: stage {found.stage} at commit {found.commit or 'none'}"
        with checkout(project, found, kept) as made:
            yield f"data from DVC: {', '.join(found.data)}"
            again, now = _answers(made, modality)
        result = compare(read_predictions(kept / PREDICTIONS), again)
    if not result.identical:
        yield from _surroundings(found, now)
    yield f"rebuilt: {result}"


def compare(recorded: pd.DataFrame, again: pd.DataFrame) -> Comparison:
    """Hold predictions against recorded ones.

    Raises:
        AvemoError: they are not of the same performances
    """
    tables = [one.sort_values("performance") for one in (recorded, again)]
    if list(tables[0]["performance"]) != list(tables[1]["performance"]):
        raise AvemoError(
            f"the test part held {len(recorded)} performances and now holds {len(again)}, or "
            "others: what was rebuilt cannot be held against what was recorded"
        )
    # a network answers in 32 bits; text in between may have more digits
    first, second = (metrics.probabilities(one).astype(np.float32) for one in tables)
    agree = int((first.argmax(axis=1) == second.argmax(axis=1)).sum())
    return Comparison(len(first), float(np.abs(first - second).max()), agree)


def _answers(made: Project, modality: str) -> tuple[pd.DataFrame, Lineage]:
    """Train there, and let the model answer for the test part: the answers, and the lineage."""
    run(made, "pipelines.train", modality)
    for other in MODALITIES:
        if other != modality:  # evaluate judges what there is
            shutil.rmtree(made.trained(other), ignore_errors=True)
            Skipped(reason="it is not rebuilt").write(made.train_result(other))
    run(made, "pipelines.evaluate")
    run_id = TrainResult.read(made.train_result(modality)).run_id
    (written,) = made.root.glob(f"mlruns/artifacts/{modality}/{run_id}/artifacts/{FILE}")
    return read_predictions(made.evaluation / f"{modality}.csv"), Lineage.read(written)


def _surroundings(found: Lineage, now: Lineage) -> Iterator[str]:
    """What else is not as it was, which may be why."""
    changed = differences(found, now)
    lines = [f"{k}: {line}" for k in ("packages", "machine") for line in changed.get(k, [])]
    yield from lines
    if not lines:
        yield "packages and machine are as they were"
