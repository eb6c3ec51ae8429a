"""What goes into a version: the recogniser, its code, and what MLflow says of them."""

import hashlib
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema, TensorSpec
from mlflow.types.schema import AnyType, Array

from ..corpus.adapters import ravdess
from ..faces.detectors import weights as detector_weights
from ..features.names import modality_of
from ..features.registry import extractor_from_spec
from ..import_graph import external_packages, imported_modules, module_file
from ..inference.evidence import COLUMNS
from ..inference.pyfunc import MEDIA, MODEL
from ..inference.recogniser import detector_name, pack
from ..models.bundle import GRAPH_FILE, Bundle
from ..runtime.export import export
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
#: MLflow's types
_TYPES = {str: DataType.string, float: DataType.double, int: DataType.long}
#: what decodes in processes of its own, for a service
_SANDBOX = ("media.sandbox", "media.sandbox.worker")
#: the modules of face detectors
_DETECTORS = ("mtcnn", "scrfd", "yunet")
#: modules of the runtime that write graphs
_EXPORTING = ("export", "graph_writer", "vggish_graph", "whisper_graph")
#: what only exporting, fetching and fitting take, and the computation through Keras
_NOT_FOR_ANSWERS = {"h5py", "keras", "onnx", "platformdirs", "pooch", "ray", "requests"}
_NOT_FOR_ANSWERS |= {"safetensors", "tensorflow", "tqdm", "urllib3"}
#: by the name that it is imported by, a package with less: of MLflow without its server and page,
#: of OpenCV without windows, which need libraries of the system that a server lacks
_SMALLER = {"cv2": "opencv-python-headless", "mlflow": "mlflow-skinny"}


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
        export(bundle.network, folder / GRAPH_FILE)
        code = copy_code(bundle, Path(temporary))
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


def copy_code(bundle: Bundle, folder: Path) -> Path:
    """Copy the modules that a model needs to answer, and no others, into a package.

    The package's name comes from the content of these modules: two versions that are loaded side
    by side, or beside an installed avemo, each run their own code.

    Args:
        bundle: the trained model
        folder: gets the package

    Returns:
        the package's folder
    """
    files = [module_file(module, _PACKAGE.parent) for module in sorted(_modules(bundle))]
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
    licences = {
        text
        for spec in bundle.config.features.values()
        if not spec.imported
        for text in extractor_from_spec(spec).licences()
    }
    if detector := detector_name(bundle):
        licences |= detector_weights.licences(detector)
    return "; ".join(sorted(licences))


def _extractors(bundle: Bundle) -> set[str]:
    """Return the extractors that a version answers by; imported features need none."""
    return {spec.extractor for spec in bundle.config.features.values() if not spec.imported}


def pip_requirements(bundle: Bundle) -> list[str]:
    """Return the packages that answering takes, pinned to the installed versions.

    They are those that the code of the version imports.
    """
    imported = external_packages(_modules(bundle), _PACKAGE) - _NOT_FOR_ANSWERS
    distributions = packages_distributions()
    pins = {}
    for name in imported:
        installed = distributions[name][0]  # the one with less has the same versions
        pins[_SMALLER.get(name, installed.lower())] = version(installed)
    return [f"{name}=={pin}" for name, pin in sorted(pins.items())]


def _modules(bundle: Bundle) -> set[str]:
    """Return the modules that answer for a model: of extractors and detectors, its own alone."""
    features, faces = f"{_PACKAGE.name}.features", f"{_PACKAGE.name}.faces"
    detectors = f"{faces}.detectors"
    plugins = {
        f"{features}.registry": tuple(
            f"{features}.{modality_of(name)}.{name}" for name in _extractors(bundle)
        )
    }
    without = [faces]
    if detector := detector_name(bundle):
        own = imported_modules([f"{detectors}.{detector.partition('_')[0]}"], _PACKAGE, {})
        without = [f"{detectors}.{name}" for name in _DETECTORS]
        without = [module for module in without if module not in own]
    without += [f"{_PACKAGE.name}.runtime.{name}" for name in _EXPORTING]
    entries = [f"{_PACKAGE.name}.{name}" for name in (_ENTRY, *_SANDBOX)]
    return imported_modules(entries, _PACKAGE, plugins, without)


def signature(classes: Sequence[str]) -> ModelSignature:
    """Return the signature: bytes or base64 in; a row as `Prediction.to_row` has it out.

    Args:
        classes: the emotions that the model tells apart, in its order
    """
    numbers = [ColSpec(DataType.double, f"p_{name}") for name in classes]
    outputs: list[ColSpec | TensorSpec] = [
        ColSpec(DataType.string, "emotion"),
        ColSpec(DataType.double, "probability"),
        ColSpec(DataType.boolean, "unsure"),
        ColSpec(Array(DataType.string), "emotions"),
        *numbers,
        ColSpec(DataType.string, "finding"),
        ColSpec(DataType.string, "reason"),
        *(ColSpec(_TYPES[kind], name) for name, kind in COLUMNS.items()),
        ColSpec(DataType.string, "adaptation"),
    ]
    media = ColSpec(AnyType(), MEDIA)  # type: ignore[no-untyped-call]
    return ModelSignature(Schema([media]), Schema(outputs))
