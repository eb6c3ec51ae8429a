"""Where everything stands in a checkout."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .errors import SettingsError

__all__ = ["ROOT", "SETTINGS_FILE", "Project", "find_project", "open_project"]

SETTINGS_FILE = "params.yaml"

#: names the project's folder for a command that is run from elsewhere
ROOT = "AVEMO_ROOT"

#: below this folder, `dvc exp run --temp` and `--queue` run the stages in a checkout
_EXPERIMENTS = (".dvc", "tmp", "exps")


@dataclass(frozen=True)
class Project:
    """The paths that `dvc.yaml` and `study/dvc.yaml` name."""

    root: Path

    def input(self, setting: str) -> Path:
        """Return the link to what a setting names outside the pipeline, such as `corpus.path`."""
        return self.root / "data" / setting

    @property
    def raw(self) -> Path:
        """The recordings."""
        return self.root / "data" / "raw"

    @property
    def catalogue(self) -> Path:
        """The table of recordings, a row each."""
        return self.root / "data" / "catalogue.parquet"

    @property
    def report(self) -> Path:
        """The catalogue as a page."""
        return self.root / "data" / "report"

    @property
    def split(self) -> Path:
        """The part and the fold of every performance."""
        return self.root / "data" / "split.csv"

    @property
    def soundtrack(self) -> Path:
        """Sound out of video that has no wav of its own."""
        return self.root / "data" / "soundtrack"

    @property
    def faces(self) -> Path:
        """Each performance's faces, which the visual extractors look at."""
        return self.root / "features" / "faces"

    def features(self, modality: str, extractor: str) -> Path:
        """Return the folder of one extractor's features."""
        return self.root / "features" / modality / extractor

    def search(self, modality: str) -> Path:
        """Return the folder of a search's result and its predictions on the inner folds."""
        return self.root / "results" / "search" / modality

    def search_result(self, modality: str) -> Path:
        """A `SearchResult`, or `Skipped`."""
        return self.search(modality) / "search.json"

    def trained(self, modality: str) -> Path:
        """Return the folder of a trained model, with all that it needs to predict, and its run."""
        return self.root / "results" / "train" / modality

    def train_result(self, modality: str) -> Path:
        """A `TrainResult`, or `Skipped`."""
        return self.trained(modality) / "run.json"

    @property
    def study(self) -> Path:
        """The DVC project of the baselines and the cross-validation, which are run by name."""
        return self.root / "study"

    def crossvalidation(self, modality: str) -> Path:
        """Return the folder of the cross-validation of search and training together."""
        return self.study / "crossvalidation" / modality

    def crossvalidation_result(self, modality: str) -> Path:
        """A `CrossValidationResult`, or `Skipped`."""
        return self.crossvalidation(modality) / "summary.json"

    def baseline(self, system: str) -> Path:
        """Return the folder of the runs of one of the original study's systems."""
        return self.study / "baselines" / system

    @property
    def evaluation(self) -> Path:
        """Metrics and predictions on the test part."""
        return self.root / "results" / "evaluation"

    @property
    def evaluation_result(self) -> Path:
        """An `EvaluationResult`."""
        return self.evaluation / "metrics.json"

    @property
    def corpus_evaluations(self) -> Path:
        """Evaluations on other corpora: a folder for each, with one for each registered model."""
        return self.root / "results" / "corpora"

    def corpus_evaluation(self, corpus: str, model: str) -> Path:
        """Return the folder of a registered model's evaluation on another corpus."""
        return self.corpus_evaluations / corpus / model

    def prior(self, modality: str) -> Path:
        """Return the folder of a modality's untrained prior, a bundle like a trained model's."""
        return self.evaluation / "prior" / modality

    @property
    def registered(self) -> Path:
        """Which versions were registered."""
        return self.root / "results" / "registered.json"

    def checkpoints(self, system: str) -> Path:
        """Return the folder of a baseline's finished trainings, while its stage is not finished."""
        return self.scratch / "baselines" / system

    @property
    def home(self) -> Path:
        """The folder whose tracking store is used: this one's, or the one that it was made from.

        `dvc exp run --temp` and `--queue` run the stages in a checkout that is deleted afterwards.
        """
        parts = self.root.parts
        for end in range(len(parts) - len(_EXPERIMENTS), 0, -1):
            if parts[end : end + len(_EXPERIMENTS)] == _EXPERIMENTS:
                folder = Path(*parts[:end])
                return _first_project([folder, *folder.parents]) or folder
        return self.root

    @property
    def tracking(self) -> Path:
        """The project's own tracking store: MLflow's database, and artifacts beside it."""
        return self.home / "mlruns"

    @property
    def scratch(self) -> Path:
        """What may be deleted at any time; a killed search picks up from here."""
        return self.root / ".avemo"

    @property
    def speakers(self) -> Path:
        """The statistics of people who were enrolled by hand; no voice and no picture."""
        return self.home / ".avemo" / "speakers"

    @property
    def served_speakers(self) -> Path:
        """Likewise, of those whom the HTTP service enrolled; they expire."""
        return self.home / ".avemo" / "served-speakers"

    @property
    def shadow_reports(self) -> Path:
        """How versions answered beside the champion here: a folder for each, with `shadow.json`."""
        return self.home / ".avemo" / "shadow"


def find_project() -> Project:
    """Return the project that a command belongs to.

    It is the folder that AVEMO_ROOT names, else the nearest folder upwards that holds params.yaml
    and dvc.yaml, else the checkout that avemo is installed from.

    Raises:
        SettingsError: none of these is a project
    """
    folder = Path.cwd()
    named = os.environ.get(ROOT)
    candidates = [Path(named)] if named else [folder, *folder.parents, Path(__file__).parents[1]]
    if root := _first_project(candidates):
        return Project(root.resolve())
    raise SettingsError(
        f"no {SETTINGS_FILE} and dvc.yaml in {candidates[0]}"
        + ("" if named else " or above")
        + f": run inside a checkout of avemo, or set {ROOT} to one"
    )


def open_project(folder: Path) -> Project:
    """Return the project in a folder.

    Raises:
        SettingsError: it is none
    """
    if _first_project([folder]) is None:
        raise SettingsError(
            f"{folder} is no project: {SETTINGS_FILE} and dvc.yaml are expected in it; name the "
            "folder of a checkout of avemo"
        )
    return Project(folder.resolve())


def _first_project(folders: Iterable[Path]) -> Path | None:
    """Return the first folder that holds params.yaml and dvc.yaml."""
    for folder in folders:
        if (folder / SETTINGS_FILE).is_file() and (folder / "dvc.yaml").is_file():
            return folder
    return None
