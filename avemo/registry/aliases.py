"""What registered models are called, and the versions that their aliases stand for."""

from ..errors import AvemoError
from ..modalities import MODALITIES, Modality

__all__ = [
    "CANDIDATE",
    "CHAMPION",
    "PREVIOUS",
    "aliases_of",
    "model_name",
    "names_with_candidate",
    "parse_model_name",
    "select_names",
]

CANDIDATE = "candidate"
CHAMPION = "champion"
#: the version that a rollback returns to
PREVIOUS = "previous"


def model_name(modality: Modality) -> str:
    """Return `avemo-audio`, `avemo-visual` or `avemo-fused`."""
    return f"avemo-{modality}"


def parse_model_name(model: str) -> str:
    """Return the registered model that `audio` or `avemo-audio` means.

    Raises:
        AvemoError: it means none
    """
    names = {model_name(modality) for modality in MODALITIES}
    name = model if model.startswith("avemo-") else f"avemo-{model}"
    if name not in names:
        raise AvemoError(f"there is no model {model!r}: {', '.join(MODALITIES)} are expected")
    return name


def select_names(model: str | None) -> list[str]:
    """Return the name of one registered model, or of all where none is given.

    Raises:
        AvemoError: there is no model of that name
    """
    return [parse_model_name(model)] if model else [model_name(m) for m in MODALITIES]


def names_with_candidate(model: str | None) -> list[str]:
    """Return the registered models that have a candidate: one, or all where none is given.

    Raises:
        AvemoError: there is no candidate
    """
    names = select_names(model)
    selected = [name for name in names if CANDIDATE in aliases_of(name)]
    if not selected:
        import mlflow

        raise AvemoError(
            f"no candidate of {' or '.join(names)} at {mlflow.get_tracking_uri()}: "
            "`dvc repro` registers one, `avemo status` lists what is there"
        )
    return selected


def aliases_of(name: str) -> dict[str, str]:
    """Return the version behind each alias of a registered model; none where there is no model."""
    import mlflow
    from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode

    try:
        aliases = mlflow.MlflowClient().get_registered_model(name).aliases
    except mlflow.MlflowException as error:
        if error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
            return {}
        raise
    return {alias: str(version) for alias, version in aliases.items()}
