"""What made a run or a registered version, as it carries it."""

from collections.abc import Mapping

from ..errors import AvemoError
from ..tracking.dvc_lock import overlap
from ..tracking.integrity import open_verified
from ..tracking.lineage import FILE, Lineage

__all__ = ["flatten", "format_values", "read_lineage", "source_checksums"]


def read_lineage(uri: str) -> Lineage:
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
            fields = mlflow.artifacts.load_dict(f"runs:/{_parent_run_id(run_id)}/{FILE}")
            return Lineage.parse(fields, uri)
        with open_verified(uri) as folder:
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


def source_checksums(lineage: Lineage, stage: str) -> dict[str, str]:
    """Return the md5 of what a stage read that no stage wrote: code, and the recordings' source."""
    outs = {out for files in lineage.upstream.values() for out in files.outs}
    deps = lineage.upstream[stage].deps
    return {path: md5 for path, md5 in deps.items() if not any(overlap(out, path) for out in outs)}


def flatten(values: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Return nested values on one level, under names such as `split.folds`."""
    flat: dict[str, object] = {}
    for name, value in values.items():
        key = f"{prefix}{name}"
        flat |= flatten(value, f"{key}.") if isinstance(value, Mapping) else {key: value}
    return flat


def format_values(values: Mapping[str, object]) -> str:
    """Return names and values in one line."""
    return ", ".join(f"{name} {value}" for name, value in flatten(values).items())


def _parent_run_id(run_id: str) -> str:
    """Return the run that carries the lineage of a trial, a fold or a member: its parent."""
    import mlflow

    tags = mlflow.MlflowClient().get_run(run_id).data.tags
    return str(tags.get("mlflow.parentRunId", run_id))
