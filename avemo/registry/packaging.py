"""What goes into a version: the recogniser, its code, and what MLflow says of them."""

import hashlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema, TensorSpec
from mlflow.types.schema import AnyType

from ..corpus.adapters import ravdess
from ..emotions import EMOTIONS
from ..faces.detectors import weights as detector_weights
from ..features.names import extractor_of
from ..features.registry import extractor_class
from ..import_graph import imported_modules, module_file
from ..inference.pyfunc import MEDIA, MODEL
from ..inference.recogniser import detector_name, pack
from ..models.bundle import Bundle
from ..synthetic import sample

__all__ = [
    "PackagedModel",
    "copy_code",
    "input_example",
    "package_model",
    "pip_requirements",
    "signature",
    "weight_licences",
]

_PACKAGE = Path(__file__).parents[1]
#: the module that MLflow loads, below the package
_ENTRY = "inference.pyfunc"


@dataclass(frozen=True)
class PackagedModel:
    """What a version is made from.

    Args:
        folder: the recogniser's
        code: the package that it answers with
        script: that MLflow loads it by
    """

    folder: Path
    code: Path
    script: Path


def input_example(seed: int) -> pd.DataFrame:
    """Return a film with sound and a face, which every model can answer; it shows nobody."""
    take = ravdess.parse("01-01-03-01-01-01-01.mp4")
    with tempfile.TemporaryDirectory() as temporary:
        sample.write_performance(Path(temporary), take, seed)
        return pd.DataFrame({MEDIA: [Path(temporary, take.file).read_bytes()]})


@contextmanager
def package_model(bundle: Bundle) -> Iterator[PackagedModel]:
    """Lay out in a temporary folder what a version of a trained model is made from.

    Raises:
        AssetError: the weights of an extractor or of the face detector are not available
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, MODEL)
        detector = detector_name(bundle)
        pack(bundle, detector_weights.fetch(detector) if detector else {}, folder)
        code = copy_code(Path(temporary))
        script = Path(temporary, "load.py")
        script.write_text(
            "from mlflow.models import set_model\n\n"
            f"from {code.name}.{_ENTRY} import Model\n\n"
            "set_model(Model())\n",
            encoding="utf-8",
        )
        sys.path.insert(0, temporary)  # MLflow runs the script once, to see that it can
        try:
            yield PackagedModel(folder, code, script)
        finally:
            sys.path.remove(temporary)
            for name in [name for name in sys.modules if name.partition(".")[0] == code.name]:
                del sys.modules[name]  # its folder is gone; who loads the version imports it anew


def copy_code(folder: Path) -> Path:
    """Copy the modules that a version needs to answer, and no others, into a package.

    The package's name comes from the content of these modules: two versions that are loaded side
    by side, or beside an installed avemo, each run their own code.

    Args:
        folder: gets the package

    Returns:
        the package's folder
    """
    root = _PACKAGE.parent
    files = [
        module_file(module, root)
        for module in sorted(imported_modules([f"{_PACKAGE.name}.{_ENTRY}"], _PACKAGE))
    ]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.relative_to(_PACKAGE).as_posix().encode() + file.read_bytes())
    code = folder / f"{_PACKAGE.name}_{digest.hexdigest()[:12]}"
    for file in files:
        copy = code / file.relative_to(_PACKAGE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    return code


def weight_licences(bundle: Bundle) -> str:
    """Return the licences of the pretrained weights that go into a version."""
    licences = {text for name in _extractors(bundle) for text in extractor_class(name).licences()}
    if detector := detector_name(bundle):
        licences |= detector_weights.licences(detector)
    return "; ".join(sorted(licences))


def _extractors(bundle: Bundle) -> set[str]:
    return {extractor_of(feature) for feature in bundle.config.features}


def pip_requirements(bundle: Bundle) -> list[str]:
    """Return the packages that answering needs, pinned to the installed versions."""
    names = ["av", "filelock", "keras", "librosa", "mlflow", "numpy", "pandas", "pydantic"]
    names += ["pyyaml", "scipy", "soundfile", "soxr", "tensorflow"]
    if "whisper" in _extractors(bundle):
        names.append("safetensors")
    if detector_name(bundle):
        names += ["onnxruntime", _opencv()]
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
