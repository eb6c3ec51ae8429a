"""A version carries the code that it answers with, and no other."""

import shutil
from pathlib import Path

import pytest

from avemo.import_graph import PLUGINS, imported_modules
from avemo.registry import packaging


def test_a_version_carries_what_answering_imports_and_nothing_else(tmp_path: Path) -> None:
    code = packaging.copy_code(tmp_path)
    folders = {file.relative_to(code).parts[0] for file in code.rglob("*.py")}
    assert {"inference", "models", "faces", "features", "media"} <= folders
    strangers = {"baselines", "cli", "corpus", "registry", "report", "synthetic"}
    strangers |= {"tracking", "training", "evaluation", "settings.py", "import_graph.py"}
    assert folders & strangers == set()


def test_a_version_lacks_no_module_that_its_code_imports(tmp_path: Path) -> None:
    code = packaging.copy_code(tmp_path)

    def renamed(module: str) -> str:
        return module.replace("avemo", code.name, 1)

    plugins = {renamed(key): tuple(map(renamed, names)) for key, names in PLUGINS.items()}
    modules = imported_modules([f"{code.name}.inference.pyfunc"], code, plugins)
    assert len(modules) == len(list(code.rglob("*.py")))
    assert f"{code.name}.features.audio.mfcc" in modules
    assert f"{code.name}.faces.detectors.scrfd" in modules


@pytest.mark.parametrize(
    ("changed", "same"), [("synthetic/head.py", True), ("media/sound.py", False)]
)
def test_the_package_is_named_by_what_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str, same: bool
) -> None:
    first = packaging.copy_code(tmp_path / "first")
    package = shutil.copytree(packaging._PACKAGE, tmp_path / "changed" / "avemo")
    with (package / changed).open("a") as file:
        file.write("\n# more\n")
    monkeypatch.setattr(packaging, "_PACKAGE", package)
    second = packaging.copy_code(tmp_path / "second")
    assert (first.name == second.name) == same
