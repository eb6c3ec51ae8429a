"""A version, with its run, tags and files, from one registry to another."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..errors import AvemoError
from ..tracking import store
from ..tracking.copy_run import copy_run
from ..tracking.descriptions import MODELS
from ..tracking.integrity import (
    CHECKSUMS_TAG,
    download_files,
    find_changes,
    find_version,
    logged_model_id,
    open_verified,
)
from .aliases import CANDIDATE

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

__all__ = ["CopiedVersion", "copy_version"]

#: of a copied version and its run: where it is from
_COPIED_FROM = "avemo.copied_from"


@dataclass(frozen=True)
class CopiedVersion:
    """A version, and what it is called in another registry.

    Args:
        source: `avemo-audio version 3`
        copy: the same, there
        registry_uri: the other registry's tracking URI
        how: `existing`: it was there already; `linked`: MLflow refers to the same files;
            `uploaded`: every file was uploaded and read back
    """

    source: str
    copy: str
    registry_uri: str
    how: Literal["existing", "linked", "uploaded"]


def copy_version(uri: str, registry_uri: str, name: str | None = None) -> CopiedVersion:
    """Copy a registered version; it becomes `candidate` in the other registry.

    Within one registry MLflow copies it, without its files. Across registries the run is created
    anew, the files are uploaded, read back and compared with their checksums, and then the version
    is created: an interrupted copy leaves no version. A version that is there already is not copied
    again.

    Args:
        uri: `models:/avemo-audio@champion`
        registry_uri: the tracking URI of the other registry
        name: of the registered model there; by default the same

    Raises:
        AvemoError: there is no such version, a file was changed before or on the way, or the other
            registry does not answer
    """
    import mlflow

    version = find_version(uri)
    source_uri = mlflow.get_tracking_uri()
    if version is None:
        raise AvemoError(f"{uri} is no version at {source_uri}: models:/NAME@ALIAS is expected")
    if CHECKSUMS_TAG not in version.tags:
        raise AvemoError(f"{uri} was registered without checksums: register it again, then copy it")
    store.open_store(registry_uri, "--to")
    if store.is_away(registry_uri):
        raise AvemoError(
            f"the tracking server at {registry_uri} does not answer: start it, or name another"
        )
    name = name or version.name
    target = mlflow.MlflowClient(registry_uri, registry_uri)
    how: Literal["existing", "linked", "uploaded"] = "existing"
    number = _find_copy(target, name, version)
    if number is None and registry_uri == source_uri:
        how = "linked"
        source = f"models:/{version.name}/{version.version}"
        number = str(target.copy_model_version(source, name).version)
    elif number is None:
        how = "uploaded"
        number = _upload(mlflow.MlflowClient(), target, registry_uri, version, name)
    target.set_registered_model_alias(name, CANDIDATE, number)
    return CopiedVersion(
        f"{version.name} version {version.version}",
        f"{name} version {number}",
        registry_uri,
        how,
    )


def _find_copy(target: "MlflowClient", name: str, version: "ModelVersion") -> str | None:
    """Return the number of the target's version that has the same files."""
    for candidate in target.search_model_versions(f"name = '{name}'"):
        # a search leaves aliases out, and has tags
        if candidate.tags.get(CHECKSUMS_TAG) == version.tags[CHECKSUMS_TAG]:
            return str(candidate.version)
    return None


def _upload(
    source: "MlflowClient",
    target: "MlflowClient",
    target_uri: str,
    version: "ModelVersion",
    name: str,
) -> str:
    """Copy run, files and version to another registry, and return the version's number there."""
    model = source.get_logged_model(logged_model_id(version))
    tags = {key: value for key, value in model.tags.items() if not key.startswith("mlflow.")}
    with open_verified(f"models:/{version.name}/{version.version}") as folder:
        (folder / "registered_model_meta").unlink(missing_ok=True)
        run_id = _copy_run(source, target, target_uri, version)
        seal = version.tags[CHECKSUMS_TAG]
        _delete_unfinished(target, run_id, seal)
        with _mlflow_at(target_uri):
            copy = target.create_logged_model(
                target.get_run(run_id).info.experiment_id,
                model.name,
                run_id,
                tags=tags | {CHECKSUMS_TAG: seal},
                params=model.params,
                model_type=model.model_type,
            )
            target.log_model_artifacts(copy.model_id, str(folder))
            _require_unchanged(copy.model_id, seal, target_uri)
            target.finalize_logged_model(copy.model_id, "READY")
            if not target.search_registered_models(f"name = '{name}'"):
                target.create_registered_model(name, description=MODELS.get(name))
            return str(
                target.create_model_version(
                    name,
                    f"models:/{copy.model_id}",
                    run_id,
                    tags=version.tags | {_COPIED_FROM: f"{version.name} version {version.version}"},
                    description=version.description,
                    model_id=copy.model_id,
                ).version
            )


def _delete_unfinished(target: "MlflowClient", run_id: str, seal: str) -> None:
    """Delete what interrupted copies of a version left: logged models that have no version."""
    experiment = target.get_run(run_id).info.experiment_id
    query = f"source_run_id = '{run_id}' AND tags.`{CHECKSUMS_TAG}` = '{seal}'"
    versions = target.search_model_versions(f"run_id = '{run_id}'")
    sources = {version.source for version in versions}
    for model in target.search_logged_models([experiment], query):
        if f"models:/{model.model_id}" not in sources:
            target.delete_logged_model(model.model_id)


@contextmanager
def _mlflow_at(uri: str) -> Iterator[None]:
    """Let what MLflow looks up by itself, such as a logged model's place, be looked up there."""
    names = (store.TRACKING_URI, "MLFLOW_REGISTRY_URI")
    before = {name: os.environ[name] for name in names if name in os.environ}
    os.environ |= dict.fromkeys(names, uri)
    try:
        yield
    finally:
        for name in names:
            os.environ.pop(name)
        os.environ |= before


def _copy_run(
    source: "MlflowClient", target: "MlflowClient", target_uri: str, version: "ModelVersion"
) -> str:
    """Return the id of the version's run at the target, which is copied where it is missing."""
    if version.run_id is None:
        raise AvemoError(f"{version.name} version {version.version} has no run: register it again")
    experiments = [experiment.experiment_id for experiment in target.search_experiments()]
    for run in target.search_runs(experiments, f"tags.`{_COPIED_FROM}` = '{version.run_id}'"):
        if run.info.status != "RUNNING":
            return str(run.info.run_id)
        target.delete_run(run.info.run_id)
    run = source.get_run(version.run_id)
    return copy_run(run, source, target, target_uri, {_COPIED_FROM: version.run_id})


def _require_unchanged(model_id: str, seal: str, uri: str) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        changes = find_changes(download_files(f"models:/{model_id}", Path(temporary)), seal)
    if changes:
        raise AvemoError(
            f"the files did not arrive at {uri} as they are here: {'; '.join(changes)}"
        )
