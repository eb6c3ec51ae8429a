"""What goes into a version: the recogniser, its code, and what MLflow says of them."""

import hashlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema, TensorSpec
from mlflow.types.schema import AnyType

from ..corpus.adapters import ravdess
from ..emotions import EMOTIONS
from ..features.names import extractor_of
from ..features.registry import licences_of
from ..inference.pyfunc import MEDIA, MODEL
from ..inference.recogniser import found_by, pack
from ..models.bundle import Bundle
from ..pretrained import assets
from ..synthetic import sample

__all__ = ["example", "licences", "packed", "requirements", "signature"]

_PACKAGE = Path(__file__).parents[1]


def example(seed: int) -> pd.DataFrame:
    """A film with sound and a face, which every model can answer for; it shows nobody."""
    take = ravdess.parse("01-01-03-01-01-01-01.mp4")
    with tempfile.TemporaryDirectory() as temporary:
        sample.perform(Path(temporary), take, seed)
        return pd.DataFrame({MEDIA: [Path(temporary, take.file).read_bytes()]})


@contextmanager
def packed(bundle: Bundle) -> Iterator[tuple[Path, Path, Path]]:
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
            for name in [one for one in sys.modules if one.partition(".")[0] == package]:
                del sys.modules[name]  # its folder is gone; who loads the version imports it anew


def _weights(bundle: Bundle) -> Path | None:
    name = found_by(bundle)
    return assets.get(name) if name in assets.ASSETS else None


def licences(bundle: Bundle) -> str:
    """Of the pretrained weights that go into the version."""
    found = {text for name in _extractors(bundle) for text in licences_of(name)}
    if detector := assets.ASSETS.get(found_by(bundle) or ""):
        found.add(f"{detector.source}: {detector.licence}")
    return "; ".join(sorted(found))


def _extractors(bundle: Bundle) -> set[str]:
    return {extractor_of(feature) for feature in bundle.description["features"]}


def requirements(bundle: Bundle) -> list[str]:
    """What answering takes, pinned as it is here."""
    names = ["av", "filelock", "keras", "librosa", "mlflow", "numpy", "pandas", "pydantic"]
    names += ["pyyaml", "scipy", "soundfile", "soxr", "tensorflow"]
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


def signature() -> ModelSignature:
    """Return the signature: bytes or base64 in; a row of text and numbers out."""
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
