"""Where runs and models are kept: `mlruns/` here, or what MLflow's own variables name."""

import logging
import os

from ..project import Project

__all__ = ["DEFAULT", "TRACKING_URI", "connect", "experiment"]

TRACKING_URI = "MLFLOW_TRACKING_URI"
DEFAULT = "sqlite:///{root}/mlruns/mlflow.db"


def connect(project: Project) -> None:
    """Point MLflow at its store. Call before anything else of MLflow's."""
    # without a network the call home costs time
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    # the stages say themselves what they logged and registered
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    if TRACKING_URI not in os.environ:
        (project.root / "mlruns").mkdir(exist_ok=True)
        os.environ[TRACKING_URI] = DEFAULT.format(root=project.root)
    # a run id in the environment would take the place of each run that a stage starts
    os.environ.pop("MLFLOW_RUN_ID", None)


def experiment(project: Project, modality: str) -> str:
    """The id of `avemo/MODALITY`, made where it is missing."""
    import mlflow

    name = f"avemo/{modality}"
    found = mlflow.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    local = os.environ[TRACKING_URI] == DEFAULT.format(root=project.root)
    artifacts = (project.root / "mlruns" / "artifacts" / modality).as_uri() if local else None
    return str(mlflow.create_experiment(name, artifact_location=artifacts))
