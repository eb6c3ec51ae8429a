"""A version, with its run, tags and files, from one registry to another."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import AvemoError
from ..tracking import integrity, store
from ..tracking.copy_run import copy_run
from ..tracking.descriptions import MODELS
from .register import CANDIDATE

__all__ = ["copy"]

#: of a copied version and its run: where it is from
_FROM = "avemo.copied_from"


def copy(uri: str, to: str, name: str | None = None) -> str:
    """Copy a registered version; it becomes `candidate` there.

    Within one registry MLflow copies it, without its files. Across registries the run is made anew,
    the files are uploaded, read back and held against their checksums, and then the version is
    made: one that is interrupted leaves no version. A version that is there already is not copied
    again.

    Args:
        uri: `models:/avemo-audio@champion`
        to: the tracking URI of the other registry
        name: of the registered model there; by default the same

    Returns:
        what was done, in a sentence

    Raises:
        AvemoError: there is no such version, a file was changed here or on the way, or the other
            registry does not answer
    """
    import mlflow

    version = integrity.version_of(uri)
    here = mlflow.get_tracking_uri()
    if version is None:
        raise AvemoError(f"{uri} is no version at {here}: models:/NAME@ALIAS is expected")
    if integrity.TAG not in version.tags:
        raise AvemoError(f"{uri} was registered without checksums: register it again, then copy it")
    if to.startswith("http") and not store.is_reachable(to):
        raise AvemoError(f"the tracking server at {to} does not answer: start it, or name another")
    name = name or version.name
    target = mlflow.MlflowClient(to, to)
    number = _same(target, name, version)
    if number:
        done = "is there already"
    elif to == here:
        number = target.copy_model_version(
            f"models:/{version.name}/{version.version}", name
        ).version
        done = "is copied"
    else:
        number = _across(mlflow.MlflowClient(), target, to, version, name)
        done = "is copied, every file as it was registered"
    target.set_registered_model_alias(name, CANDIDATE, str(number))
    return f"{version.name} version {version.version} {done}: {name} version {number} at {to}"


def _same(target: Any, name: str, version: Any) -> str | None:
    """The number of the version there that has the same files."""
    for one in target.search_model_versions(f"name = '{name}'"):
        # a search leaves aliases out, and has tags
        if one.tags.get(integrity.TAG) == version.tags[integrity.TAG]:
            return str(one.version)
    return None


def _across(source: Any, target: Any, to: str, version: Any, name: str) -> str:
    model = source.get_logged_model(integrity.model_id(version))
    tags = {key: value for key, value in model.tags.items() if not key.startswith("mlflow.")}
    with integrity.opened(f"models:/{version.name}/{version.version}") as folder:
        (folder / "registered_model_meta").unlink(missing_ok=True)
        run_id = _run(source, target, to, version)
        with _connected(to):
            made = target.create_logged_model(
                target.get_run(run_id).info.experiment_id,
                model.name,
                run_id,
                tags=tags,
                params=model.params,
                model_type=model.model_type,
            )
            target.log_model_artifacts(made.model_id, str(folder))
            _require_whole(made.model_id, version.tags[integrity.TAG], to)
            target.finalize_logged_model(made.model_id, "READY")
            if not target.search_registered_models(f"name = '{name}'"):
                target.create_registered_model(name, description=MODELS.get(name))
            return str(
                target.create_model_version(
                    name,
                    f"models:/{made.model_id}",
                    run_id,
                    tags=version.tags | {_FROM: f"{version.name} version {version.version}"},
                    description=version.description,
                    model_id=made.model_id,
                ).version
            )


@contextmanager
def _connected(to: str) -> Iterator[None]:
    """What MLflow looks up by itself, such as a logged model's place, is looked up there."""
    names = (store.TRACKING_URI, "MLFLOW_REGISTRY_URI")
    before = {name: os.environ[name] for name in names if name in os.environ}
    os.environ |= dict.fromkeys(names, to)
    try:
        yield
    finally:
        for name in names:
            os.environ.pop(name)
        os.environ |= before


def _run(source: Any, target: Any, to: str, version: Any) -> str:
    """The version's run there, which is made if need be."""
    ids = [one.experiment_id for one in target.search_experiments()]
    for found in target.search_runs(ids, f"tags.`{_FROM}` = '{version.run_id}'"):
        if found.info.status != "RUNNING":
            return str(found.info.run_id)
        target.delete_run(found.info.run_id)
    return copy_run(source.get_run(version.run_id), source, target, to, {_FROM: version.run_id})


def _require_whole(model_id: str, tag: str, to: str) -> None:
    import mlflow

    with tempfile.TemporaryDirectory() as temporary:
        folder = mlflow.artifacts.download_artifacts(f"models:/{model_id}", dst_path=temporary)
        found = integrity.changes(Path(folder), tag)
    if found:
        raise AvemoError(f"the files did not arrive at {to} as they are here: {'; '.join(found)}")
