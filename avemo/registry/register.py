"""Trained models as versions in MLflow's registry, each able to answer by itself."""

import hashlib
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import mlflow
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema, TensorSpec
from mlflow.types.schema import AnyType

from .. import assets
from ..corpus.ravdess import EMOTIONS
from ..features.extractors import extractor_of, licences_of
from ..models.bundle import Bundle
from ..project import Project
from ..serving.pyfunc import MEDIA, MODEL
from ..serving.recogniser import found_by, pack
from ..settings import Settings
from ..tracking import runs

__all__ = ["CANDIDATE", "CHAMPION", "name_of", "register"]

CANDIDATE = "candidate"
CHAMPION = "champion"

_PACKAGE = Path(__file__).parents[1]


def name_of(modality: str) -> str:
    """`avemo-audio`, `avemo-visual`, `avemo-fused`."""
    return f"avemo-{modality}"


def register(project: Project, settings: Settings, figures: dict[str, Any]) -> dict[str, Any]:
    """Make a version of each trained model; it becomes `candidate`, and the first `champion` too.

    Args:
        figures: what `evaluate` found, by modality

    Returns:
        for JSON, by modality: name, version, model_id, run_id and aliases, or what is absent
    """
    made: dict[str, Any] = {}
    for modality, found in figures.items():
        if "absent" in found:
            made[modality] = found
            continue
        bundle = Bundle(project.trained(modality))
        with (
            runs.reopened(found["run_id"]),
            _packed(bundle) as (folder, code, script),
            warnings.catch_warnings(),
        ):
            # an example clip would have to go into every version
            warnings.filterwarnings("ignore", ".*input example")
            info = mlflow.pyfunc.log_model(
                name=MODEL,
                python_model=str(script),
                artifacts={MODEL: str(folder)},
                code_paths=[str(code)],
                pip_requirements=_requirements(bundle),
                signature=_signature(),
                registered_model_name=name_of(modality),
                await_registration_for=60,
            )
        made[modality] = _alias(settings, bundle, modality, found, info)
    return made


def _alias(
    settings: Settings, bundle: Bundle, modality: str, found: dict[str, Any], info: Any
) -> dict[str, Any]:
    client = mlflow.MlflowClient()
    name, number = name_of(modality), str(info.registered_model_version)
    tags = {
        "avemo.architecture": found["architecture"],
        "avemo.corpus": settings.corpus.label,
        "avemo.test": found.get("no_test", ""),
        "avemo.weights": _licences(bundle),
    }
    if "test" in found:
        tags["avemo.test"] = f"UAR {found['test']['uar']['value']:.3f}"
    for key, value in tags.items():
        client.set_model_version_tag(name, number, key, value)
    aliases = [CANDIDATE]
    if CHAMPION not in client.get_registered_model(name).aliases:
        aliases.append(CHAMPION)
    for alias in aliases:
        client.set_registered_model_alias(name, alias, number)
    return {
        "name": name,
        "version": number,
        "model_id": info.model_id,
        "run_id": found["run_id"],
        "aliases": aliases,
    }


@contextmanager
def _packed(bundle: Bundle) -> Iterator[tuple[Path, Path, Path]]:
    """The recogniser's folder, its code, and the script that MLflow loads it by.

    The code is this package under a name made from its content: two versions that are loaded side
    by side, or beside an installed avemo, each run their own.
    """
    digest = hashlib.sha256()
    for file in sorted(_PACKAGE.rglob("*.py")):
        digest.update(file.relative_to(_PACKAGE).as_posix().encode() + file.read_bytes())
    package = f"avemo_{digest.hexdigest()[:12]}"
    with tempfile.TemporaryDirectory() as temporary:
        folder, code = Path(temporary, MODEL), Path(temporary, package)
        pack(bundle, _weights(bundle), folder)
        shutil.copytree(_PACKAGE, code, ignore=shutil.ignore_patterns("__pycache__"))
        script = Path(temporary, "load.py")
        script.write_text(
            "from mlflow.models import set_model\n\n"
            f"from {package}.serving.pyfunc import Model\n\n"
            "set_model(Model())\n",
            encoding="utf-8",
        )
        sys.path.insert(0, temporary)  # MLflow runs the script once, to see that it can
        try:
            yield folder, code, script
        finally:
            sys.path.remove(temporary)


def _weights(bundle: Bundle) -> Path | None:
    name = found_by(bundle)
    return assets.get(name) if name in assets.ASSETS else None


def _licences(bundle: Bundle) -> str:
    """Of the pretrained weights that go into the version."""
    found = {text for name in _extractors(bundle) for text in licences_of(name)}
    if detector := assets.ASSETS.get(found_by(bundle) or ""):
        found.add(f"{detector.source}: {detector.licence}")
    return "; ".join(sorted(found))


def _extractors(bundle: Bundle) -> set[str]:
    return {extractor_of(feature) for feature in bundle.description["features"]}


def _requirements(bundle: Bundle) -> list[str]:
    """What answering takes, pinned as it is here."""
    names = ["av", "keras", "librosa", "mlflow", "numpy", "pandas", "pydantic", "pyyaml"]
    names += ["scipy", "soundfile", "soxr", "tensorflow"]
    if "whisper" in _extractors(bundle):
        names.append("safetensors")
    if detector := found_by(bundle):
        names.append(_opencv())
        names.append("mtcnn" if detector == "mtcnn" else "insightface")
    return [f"{name}=={version(name)}" for name in sorted(names)]


def _opencv() -> str:
    try:
        version("opencv-python")
    except PackageNotFoundError:
        return "opencv-python-headless"
    return "opencv-python"


def _signature() -> ModelSignature:
    numbers = [ColSpec(DataType.double, f"p_{name}") for name in EMOTIONS]
    outputs: list[ColSpec | TensorSpec] = [
        ColSpec(DataType.string, "emotion"),
        ColSpec(DataType.double, "probability"),
        *numbers,
        ColSpec(DataType.string, "finding"),
        ColSpec(DataType.string, "reason"),
    ]
    media = ColSpec(AnyType(), MEDIA)  # type: ignore[no-untyped-call]
    return ModelSignature(Schema([media]), Schema(outputs))
