"""A registered version, trained again from what made it, and compared with its predictions.

The configuration that the search chose is trained anew; the search is not repeated: its result is
data.
"""

import logging
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd

from ..errors import AvemoError
from ..evaluation import metrics
from ..evaluation.predictions import read_predictions
from ..modalities import MODALITIES, Modality
from ..paths import Project
from ..records import Skipped, TrainResult
from ..tracking import dvc_lock
from ..tracking.git_state import DIFF
from ..tracking.integrity import open_verified
from ..tracking.lineage import FILE, Lineage
from .checkout import checkout, run_module
from .differences import find_differences
from .lineage import read_lineage
from .provenance import read_provenance
from .version import PREDICTIONS, read_bundle

__all__ = ["Comparison", "compare_predictions", "rebuild", "rebuild_from_provenance"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Comparison:
    """Two sets of predictions of the same performances.

    Args:
        performances: how many
        max_difference: the largest difference of a probability
        n_agree: for how many performances the emotion is the same
    """

    performances: int
    max_difference: float
    n_agree: int

    @property
    def identical(self) -> bool:
        """Whether each probability is the same to the last bit."""
        return self.max_difference == 0

    def __str__(self) -> str:
        if self.identical:
            return "identical"
        return (
            f"differs by {self.max_difference:.2g}, the largest difference of a probability; "
            f"{self.n_agree} of {self.performances} answers agree"
        )


def rebuild_from_provenance(project: Project, file: Path) -> Comparison:
    """Train a version again from its provenance alone: no registry is asked.

    The provenance names the commit and what was not committed then, so that its code is run.

    Args:
        project: whose repository and cache hold what the version was trained from
        file: the version's `provenance.intoto.json`

    Raises:
        AvemoError: it is no provenance, or something is missing that training takes
    """
    provenance = read_provenance(file)
    if provenance.untrained:
        raise _untrained(str(file))
    with tempfile.TemporaryDirectory() as temporary:
        artifacts = Path(temporary)
        provenance.write_files(artifacts)
        return _rebuild(project, str(file), provenance.lineage, artifacts)


def rebuild(project: Project, uri: str) -> Comparison:
    """Train a version again, in a folder that is removed afterwards.

    Progress is logged. Nothing of the project, its results or its registry is touched.

    Args:
        project: whose repository and cache hold what the version was trained from
        uri: `models:/avemo-audio@champion`

    Raises:
        AvemoError: something is missing that training it takes
    """
    lineage = read_lineage(uri)
    with tempfile.TemporaryDirectory() as temporary:
        artifacts = Path(temporary)
        with open_verified(uri) as folder:
            if read_bundle(folder).untrained:
                raise _untrained(uri)
            for name in (dvc_lock.LOCK, PREDICTIONS, DIFF):
                if (folder / name).exists():
                    shutil.copyfile(folder / name, artifacts / name)
        return _rebuild(project, uri, lineage, artifacts)


def _rebuild(project: Project, source: str, lineage: Lineage, artifacts: Path) -> Comparison:
    """Train again and compare.

    Args:
        source: what names the version, for messages
        lineage: of it
        artifacts: a folder with its dvc.lock, its predictions and what was not committed
    """
    for name in (dvc_lock.LOCK, PREDICTIONS, *([DIFF] * lineage.dirty)):
        if not (artifacts / name).exists():
            raise AvemoError(f"{source} holds no {name}: there is nothing to rebuild it by")
    modality = cast(Modality, lineage.stage.partition("@")[2] or "fused")
    log.info(f"{source}: stage {lineage.stage} at commit {lineage.commit or 'none'}")
    with checkout(project, lineage, artifacts) as old_project:
        log.info(f"data from DVC: {', '.join(lineage.data)}")
        predictions, new_lineage = _train_and_predict(old_project, modality)
    comparison = compare_predictions(read_predictions(artifacts / PREDICTIONS), predictions)
    if not comparison.identical:
        _log_surroundings(lineage, new_lineage)
    return comparison


def _untrained(source: str) -> AvemoError:
    return AvemoError(
        f"{source} is the untrained prior, which nothing trained: name a trained version"
    )


def compare_predictions(recorded: pd.DataFrame, rebuilt: pd.DataFrame) -> Comparison:
    """Compare predictions with recorded ones.

    Raises:
        AvemoError: they are not of the same performances
    """
    recorded, rebuilt = (rows.sort_values("performance") for rows in (recorded, rebuilt))
    if list(recorded["performance"]) != list(rebuilt["performance"]):
        raise AvemoError(
            f"the test part held {len(recorded)} performances and now holds {len(rebuilt)}, or "
            "others: the two cannot be compared"
        )
    # a network answers in 32 bits; text in between may have more digits
    first, second = (metrics.probabilities(rows).astype(np.float32) for rows in (recorded, rebuilt))
    n_agree = int((first.argmax(axis=1) == second.argmax(axis=1)).sum())
    return Comparison(len(first), float(np.abs(first - second).max()), n_agree)


def _train_and_predict(project: Project, modality: Modality) -> tuple[pd.DataFrame, Lineage]:
    """Train in a checked out project, and return predictions on the test part, and the lineage."""
    run_module(project, "pipelines.train", modality)
    for other in MODALITIES:
        if other != modality:  # evaluate takes the models that there are
            shutil.rmtree(project.trained(other), ignore_errors=True)
            Skipped(reason="it is not rebuilt").write(project.train_result(other))
    run_module(project, "pipelines.evaluate")
    run_id = TrainResult.read(project.train_result(modality)).run_id
    (file,) = project.root.glob(f"mlruns/artifacts/{modality}/{run_id}/artifacts/{FILE}")
    return read_predictions(project.evaluation / f"{modality}.csv"), Lineage.read(file)


def _log_surroundings(old: Lineage, new: Lineage) -> None:
    """Log which packages and what of the machine differ, which may be why."""
    differences = find_differences(old, new)
    lines = [
        f"{group}: {line}"
        for group in ("packages", "machine")
        for line in differences.get(group, [])
    ]
    for line in lines or ["packages and machine are as they were"]:
        log.info(line)
