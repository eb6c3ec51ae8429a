import re
from pathlib import Path

import pytest

from avemo import import_graph
from avemo.import_graph import PLUGINS, imported_modules


def write_modules(folder: Path, **sources: str) -> Path:
    """Write modules; `__` in a keyword stands for a dot."""
    for name, source in sources.items():
        file = folder.joinpath(*name.split("__")).with_suffix(".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        for package in [file.parent, *file.parent.parents]:
            if package == folder:
                break
            (package / "__init__.py").touch()
        file.write_text(source)
    return folder / "tiny"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from . import leaf", {"tiny.a.leaf"}),
        ("from .. import top", {"tiny.top"}),
        ("from ..b.leaf import value", {"tiny.b", "tiny.b.leaf"}),
        ("from ..b import leaf, absent_name", {"tiny.b", "tiny.b.leaf"}),
        ("import tiny.b.leaf", {"tiny.b", "tiny.b.leaf"}),
        ("from tiny.b import leaf", {"tiny.b", "tiny.b.leaf"}),
        ("import numpy, os.path\nfrom collections import abc", set()),
        ("def f():\n    if True:\n        from .. import top", {"tiny.top"}),
        ("try:\n    from .. import top\nexcept ImportError:\n    from . import leaf",
         {"tiny.top", "tiny.a.leaf"}),
        ("if TYPE_CHECKING:\n    from .. import top", set()),
        ("if typing.TYPE_CHECKING:\n    from .. import top\nelse:\n    from . import leaf",
         {"tiny.a.leaf"}),
    ],
)  # fmt: skip
def test_forms_of_import(tmp_path: Path, source: str, expected: set[str]) -> None:
    package = write_modules(
        tmp_path, tiny__a__entry=source, tiny__a__leaf="", tiny__b__leaf="", tiny__top=""
    )
    modules = imported_modules(["tiny.a.entry"], package, {})
    assert modules == {"tiny", "tiny.a", "tiny.a.entry"} | expected


def test_imports_at_any_depth_and_in_circles(tmp_path: Path) -> None:
    package = write_modules(
        tmp_path,
        tiny__a="def f():\n    from . import b",
        tiny__b="from . import c",
        tiny__c="from . import a",
        tiny__d="",
    )
    assert imported_modules(["tiny.a"], package, {}) == {"tiny", "tiny.a", "tiny.b", "tiny.c"}


def test_a_package_on_the_way_counts_with_what_it_runs(tmp_path: Path) -> None:
    package = write_modules(tmp_path, tiny__a__entry="", tiny__b="", tiny__c="")
    lazy = "from .. import b\ndef lazy():\n    from .. import c"
    (package / "a" / "__init__.py").write_text(lazy)
    on_the_way = imported_modules(["tiny.a.entry"], package, {})
    assert on_the_way == {"tiny", "tiny.a", "tiny.a.entry", "tiny.b"}
    (package / "user.py").write_text("from .a import lazy")
    assert imported_modules(["tiny.user"], package, {}) == {
        "tiny", "tiny.a", "tiny.b", "tiny.c", "tiny.user"
    }  # fmt: skip


def test_plugins_count_where_their_importer_does(tmp_path: Path) -> None:
    package = write_modules(
        tmp_path,
        tiny__loader="",
        tiny__plugins__one="from ..helper import value",
        tiny__plugins___private="",
        tiny__helper="",
        tiny__user="from . import loader",
    )
    plugins = {"tiny.loader": ("tiny.plugins",)}
    assert imported_modules(["tiny.user"], package, plugins) == {
        "tiny", "tiny.user", "tiny.loader", "tiny.plugins", "tiny.plugins.one", "tiny.helper"
    }  # fmt: skip
    plugins = {"tiny.loader": ("tiny.plugins.one",)}
    assert "tiny.plugins.one" in imported_modules(["tiny.user"], package, plugins)
    assert "tiny.plugins" not in imported_modules(["tiny.helper"], package, plugins)


def test_entry_modules_beside_the_package(tmp_path: Path) -> None:
    package = write_modules(tmp_path, tiny__a="", stages__train="from tiny import a")
    (tmp_path / "stages" / "__init__.py").unlink()
    assert imported_modules(["stages.train"], package, {}) == {"stages.train", "tiny", "tiny.a"}


@pytest.mark.parametrize(
    ("source", "entry"), [("from .absent import name", "tiny.a"), ("", "tiny.absent")]
)
def test_a_missing_module_is_named(tmp_path: Path, source: str, entry: str) -> None:
    package = write_modules(tmp_path, tiny__a=source)
    with pytest.raises(ModuleNotFoundError, match=r"tiny\.absent"):
        imported_modules([entry], package, {})


def test_the_table_of_plugins_names_modules_that_are_there() -> None:
    package = Path(import_graph.__file__).parent
    for importer, packages in PLUGINS.items():
        assert imported_modules([importer, *packages], package, {})


def test_every_module_that_imports_by_name_is_in_the_table() -> None:
    package = Path(import_graph.__file__).parent
    importers = {
        ".".join(file.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__")
        for file in package.rglob("*.py")
        # with a literal, it imports another library late
        if re.search(r'import_module\((?!")|__package__}', file.read_text())
    }
    # nothing that a version or a stage imports needs these; threads imports TensorFlow
    doors = {name for name in importers if name == "avemo" or name.startswith("avemo.cli")}
    # these import the code of a version, and the modules of another library
    doors |= {"avemo.registry.own_code", "avemo.registry.example", "avemo.serving.versions.loaded"}
    doors.add("avemo.media.sandbox.worker")
    assert importers - doors - {"avemo.threads"} == set(PLUGINS)
