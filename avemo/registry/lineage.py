"""What made a run or a registered version, as it carries it."""

from collections.abc import Mapping
from typing import Any

from ..errors import AvemoError
from ..tracking import integrity
from ..tracking.dvc_lock import overlap
from ..tracking.lineage import FILE, Lineage

__all__ = ["flat", "read", "sources", "words"]


def read(uri: str) -> Lineage:
    """Return the lineage of a version or a run.

    Args:
        uri: as MLflow takes it: `models:/avemo-audio@champion`, `models:/avemo-audio/3`, `runs:/ID`

    Raises:
        AvemoError: there is no such version or run, it carries no lineage, or a file of the version
            is not as it was registered
    """
    import mlflow

    try:
        if uri.startswith("runs:/"):
            run_id = uri.removeprefix("runs:/").strip("/")
            fields = mlflow.artifacts.load_dict(f"runs:/{_parent(run_id)}/{FILE}")
            return Lineage.parse(fields, uri)
        with integrity.opened(uri) as folder:
            if not (folder / FILE).exists():
                raise AvemoError(
                    f"{uri} carries no lineage: it was registered before there was any; train and "
                    "register it again: dvc repro --force"
                )
            return Lineage.read(folder / FILE)
    except (mlflow.MlflowException, OSError) as error:
        raise AvemoError(
            f"{uri} has no lineage at {mlflow.get_tracking_uri()}: {str(error).splitlines()[0]}; "
            "models:/NAME@ALIAS, models:/NAME/VERSION or runs:/ID is expected; `avemo status` "
            "lists what is registered"
        ) from None


def sources(lineage: Lineage, stage: str) -> dict[str, str]:
    """Return the md5 of what a stage read that no stage wrote: code, and the recordings' source."""
    outs = {out for files in lineage.upstream.values() for out in files.outs}
    deps = lineage.upstream[stage].deps
    return {path: md5 for path, md5 in deps.items() if not any(overlap(out, path) for out in outs)}


def flat(values: Mapping[str, Any], head: str = "") -> dict[str, Any]:
    """One level, each name with those above it: `split.folds`."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        deeper = isinstance(value, Mapping)
        found |= flat(value, f"{head}{name}.") if deeper else {f"{head}{name}": value}
    return found


def words(values: Mapping[str, Any]) -> str:
    """Names and values, in a line."""
    return ", ".join(f"{name} {value}" for name, value in flat(values).items())


def _parent(run_id: str) -> str:
    """A trial's, a fold's or a member's lineage is that of the run that it belongs to."""
    import mlflow

    tags = mlflow.MlflowClient().get_run(run_id).data.tags
    return str(tags.get("mlflow.parentRunId", run_id))
