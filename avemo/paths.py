"""Where everything stands in a checkout, and how a command ends."""

import argparse
import errno
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .config import load_settings
from .errors import AvemoError, SettingsError
from .settings import SETTINGS_FILE, Settings

__all__ = ["ROOT", "Project", "explained", "find", "stage"]

#: names the project's folder for a command that is run from elsewhere
ROOT = "AVEMO_ROOT"

#: in the environment of a stage that has begun again
_AGAIN = "AVEMO_AGAIN"

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class Project:
    """The paths that `dvc.yaml` and `study/dvc.yaml` name."""

    root: Path

    @property
    def raw(self) -> Path:
        """The recordings."""
        return self.root / "data" / "raw"

    @property
    def catalogue(self) -> Path:
        """One row a recording."""
        return self.root / "data" / "catalogue.parquet"

    @property
    def report(self) -> Path:
        """The catalogue, to be read."""
        return self.root / "data" / "report"

    @property
    def split(self) -> Path:
        """One line a performance."""
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
        """One extractor's features."""
        return self.root / "features" / modality / extractor

    def search(self, modality: str) -> Path:
        """What a search found, and what the chosen answered on the inner folds."""
        return self.root / "results" / "search" / modality

    def trained(self, modality: str) -> Path:
        """A fitted model, all that it needs to answer, and its run."""
        return self.root / "results" / "train" / modality

    @property
    def study(self) -> Path:
        """The DVC project of the baselines and the cross-validation, which are run by name."""
        return self.root / "study"

    def crossvalidation(self, modality: str) -> Path:
        """The whole way of choosing and training, tested on each fold in turn."""
        return self.study / "crossvalidation" / modality

    def baseline(self, system: str) -> Path:
        """The runs of one of the original study's systems, and their predictions."""
        return self.study / "baselines" / system

    @property
    def evaluation(self) -> Path:
        """Metrics and predictions on the test part."""
        return self.root / "results" / "evaluation"

    @property
    def registered(self) -> Path:
        """Which versions were registered."""
        return self.root / "results" / "registered.json"

    def kept(self, system: str) -> Path:
        """What is finished of a baseline whose stage is not."""
        return self.scratch / "baselines" / system

    @property
    def scratch(self) -> Path:
        """What may be deleted at any time; a killed search picks up from here."""
        return self.root / ".avemo"


def find() -> Project:
    """The project that a command belongs to.

    AVEMO_ROOT, else the nearest folder upwards that holds params.yaml and dvc.yaml, else the
    checkout that avemo is installed from.

    Raises:
        SettingsError: none of these is a project
    """
    here = Path.cwd()
    named = os.environ.get(ROOT)
    candidates = [Path(named)] if named else [here, *here.parents, Path(__file__).parents[1]]
    for folder in candidates:
        if (folder / SETTINGS_FILE).is_file() and (folder / "dvc.yaml").is_file():
            return Project(folder.resolve())
    raise SettingsError(
        f"no {SETTINGS_FILE} and dvc.yaml in {candidates[0]}"
        + ("" if named else " or above")
        + f": run inside a checkout of avemo, or set {ROOT} to one"
    )


def stage(main: Callable[..., None], *arguments: str) -> None:
    """Run a DVC stage: read the settings, call `main(project, settings, *arguments)`, end."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    for argument in arguments:
        parser.add_argument(argument)
    values = vars(parser.parse_args())

    def run() -> int:
        project = find()
        settings: Settings = load_settings(project.root)
        try:
            main(project, settings, *(values[argument] for argument in arguments))
        except Exception as error:
            if not _server_is_gone(error) or _AGAIN in os.environ:
                raise
            print("avemo: the tracking server went away: the stage begins again", file=sys.stderr)
            # as a new process, for MLflow keeps what it had begun; it finds the server away
            os.environ[_AGAIN] = "1"
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
        return 0

    sys.exit(explained(run))


def explained(command: Callable[[], int]) -> int:
    """Run a command; what avemo knows how to explain becomes one line, and the exit code 1."""
    try:
        return command()
    except AvemoError as error:
        message = str(error)
    except KeyboardInterrupt:
        message = "stopped; the same command picks up from here"
    except Exception as error:
        if not _disk_is_full(error):
            raise
        message = "the disk is full: free some space and run the same command again"
    print(f"avemo: {' '.join(message.split())}", file=sys.stderr)
    return 1


def _server_is_gone(error: BaseException | None) -> bool:
    """Whether that is what an error comes from: MLflow has asked again and again."""
    while error is not None:
        if "API request to" in str(error) and "Max retries" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _disk_is_full(error: BaseException | None) -> bool:
    """Whether that is what an error comes from: a library may wrap it, or keep the text alone."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        if os.strerror(errno.ENOSPC) in str(error) or "database or disk is full" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False
