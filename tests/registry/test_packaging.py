"""A version carries the code that it answers with, and no other; so do its requirements."""

import shutil
from pathlib import Path

import pytest
from helpers.bundles import bundle_config

from avemo.features.spec import FeatureSpec
from avemo.models.bundle import CONFIG_FILE, Bundle
from avemo.registry import packaging

FACES = FeatureSpec(extractor="faces", version=1, settings={}, resources={"detector": "scrfd_500m"})


def new_bundle(folder: Path, *extractors: str) -> Bundle:
    """Return a bundle of a model that takes the features of some extractors."""
    specs = {
        name: FeatureSpec(
            extractor=name,
            version=1,
            settings={},
            derived_from=FACES if name in ("expression", "geometry") else None,
        )
        for name in extractors
    }
    folder.mkdir(parents=True)
    bundle_config(features=specs).write(folder / CONFIG_FILE)
    return Bundle(folder)


def copied_files(bundle: Bundle, folder: Path) -> set[str]:
    code = packaging.copy_code(bundle, folder)
    return {file.relative_to(code).as_posix() for file in code.rglob("*.py")}


def test_a_version_carries_what_answering_imports_and_nothing_else(tmp_path: Path) -> None:
    files = copied_files(new_bundle(tmp_path / "bundle", "whisper", "expression"), tmp_path)
    folders = {file.partition("/")[0] for file in files}
    assert {"inference", "models", "faces", "features", "media"} <= folders
    strangers = {"baselines", "cli", "corpus", "registry", "report", "synthetic"}
    strangers |= {"tracking", "training", "evaluation", "settings.py", "import_graph.py"}
    assert folders & strangers == set()
    assert {"features/audio/whisper.py", "features/audio/dsp/filters.py"} < files
    assert {"features/visual/expression.py", "faces/detectors/scrfd.py"} < files
    others = {"features/audio/mfcc.py", "features/visual/geometry.py", "features/store.py"}
    assert files & {*others, "faces/detectors/mtcnn.py", "runtime/export.py"} == set()


def test_a_version_that_only_hears_carries_no_faces(tmp_path: Path) -> None:
    files = copied_files(new_bundle(tmp_path / "bundle", "mfcc"), tmp_path)
    assert {file for file in files if file.startswith("faces/")} == set()


@pytest.mark.parametrize(
    ("extractors", "some", "others"),
    [
        (["whisper"], {"soxr"}, {"opencv-python-headless", "scipy"}),
        (["mfcc"], {"soxr", "scipy"}, {"opencv-python-headless"}),
        (["expression", "geometry"], {"opencv-python-headless"}, {"scipy"}),
    ],
    ids=["whisper", "mfcc", "faces"],
)
def test_requirements_are_what_its_code_imports(
    tmp_path: Path, extractors: list[str], some: set[str], others: set[str]
) -> None:
    bundle = new_bundle(tmp_path / "bundle", *extractors)
    names = {pin.partition("==")[0] for pin in packaging.pip_requirements(bundle)}
    assert some | {"av", "mlflow-skinny", "numpy", "onnxruntime", "pandas", "pydantic"} <= names
    assert names & (others | {"keras", "tensorflow", "librosa", "mlflow"}) == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "same"), [("synthetic/head.py", True), ("media/sound.py", False)]
)
def test_the_package_is_named_by_what_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str, same: bool
) -> None:
    bundle = new_bundle(tmp_path / "bundle", "mfcc")
    first = packaging.copy_code(bundle, tmp_path / "first")
    package = shutil.copytree(packaging._PACKAGE, tmp_path / "changed" / "avemo")
    with (package / changed).open("a") as file:
        file.write("\n# more\n")
    monkeypatch.setattr(packaging, "_PACKAGE", package)
    second = packaging.copy_code(bundle, tmp_path / "second")
    assert (first.name == second.name) == same
