"""The results of the stage `baselines`, by system."""

from ..paths import Project
from ..records import BaselineResult, BaselineRun, Skipped, read_or_skipped
from .published import SYSTEMS

__all__ = ["describe", "load_results"]


def load_results(project: Project) -> dict[str, BaselineResult | Skipped]:
    """Return the results of the stage `baselines` by system, without those that have not run."""
    files = {name: project.baseline(name) / "runs.json" for name in SYSTEMS}
    return {
        name: read_or_skipped(BaselineResult, file) for name, file in files.items() if file.exists()
    }


def describe(run: BaselineRun) -> str:
    """Return `speech actor: UAR 0.712 [0.634, 0.790], accuracy ...`."""
    uar, accuracy = run.test["uar"], run.test["accuracy"]
    return f"{run.channel} {run.protocol}: UAR {uar}, accuracy {accuracy}"
