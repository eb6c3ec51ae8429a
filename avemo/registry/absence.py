"""Why a version that was registered is not to be found: renamed or deleted in MLflow, or elsewhere.

The stage `register` is up to date then, so that `dvc repro` alone would do nothing.
"""

import os

from ..paths import Project
from ..records import RegisteredVersion, Registration
from ..tracking.address import TRACKING_URI, sqlite_file
from ..tracking.integrity import REGISTER_AGAIN

__all__ = ["explain_absence", "explain_no_model"]


def explain_no_model(project: Project) -> str:
    """Return what became of the versions that a project registered; empty where it has none."""
    if not project.registered.exists():
        return ""
    versions = Registration.read(project.registered).versions.values()
    return "; ".join(f"{version.name}: {explain_absence(version)}" for version in versions)


def explain_absence(version: RegisteredVersion) -> str:
    """Return why a registered version is not found by an alias, and what to do.

    Args:
        version: as the stage `register` left it
    """
    label = f"version {version.version}"
    file = sqlite_file(os.environ.get(TRACKING_URI, ""))
    if TRACKING_URI not in os.environ or (file and not file.exists()):
        return f"{label} was registered, but not in this folder: {_elsewhere()}"
    import mlflow

    client = mlflow.MlflowClient()
    for other in client.search_model_versions(f"run_id = '{version.run_id}'"):
        if other.name != version.name:
            return (
                f"its {label} is version {other.version} of {other.name} now: rename that back in "
                f"MLflow, or register it again: {REGISTER_AGAIN}"
            )
        if str(other.version) == version.version:
            return f"{label} has no alias any more: register it again: {REGISTER_AGAIN}"
    if client.search_registered_models(f"name = '{version.name}'"):
        return f"{label} was deleted in MLflow: register it again: {REGISTER_AGAIN}"
    return (
        f"{label} was registered, but is not in this registry: if it was deleted in MLflow, "
        f"register it again: {REGISTER_AGAIN}; else {_elsewhere()}"
    )


def _elsewhere() -> str:
    return f"set {TRACKING_URI} to where it is, or make it again: dvc repro --force"
