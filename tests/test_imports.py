import ast
import subprocess
import sys
from pathlib import Path

import pytest

import avemo

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "avemo"
FILES = sorted(file.relative_to(ROOT).as_posix() for file in LIBRARY.rglob("*.py"))


def named(node: ast.AST) -> list[object]:
    """The modules that a node imports by their full names."""
    if isinstance(node, ast.Import):
        return [name.name for name in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""] if node.level == 0 else []
    if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in (
        "import_module",
        "__import__",
    ):
        return [text.value for text in ast.walk(node.args[0]) if isinstance(text, ast.Constant)]
    return []


@pytest.mark.parametrize("file", FILES)
def test_modules_import_each_other_relatively(file: str) -> None:
    # the code goes into each registered model, and there under another name
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    found = [name for node in ast.walk(tree) for name in named(node)]
    assert [name for name in found if str(name).partition(".")[0] in ("avemo", "pipelines")] == []


@pytest.mark.parametrize(
    "statement",
    [
        "import avemo.cli, avemo.settings",
        "from avemo.config import load_settings; load_settings(Path.cwd())",
    ],
    ids=["import", "load"],
)
def test_settings_and_commands_import_nothing_slow(statement: str) -> None:
    code = f"import sys; from pathlib import Path; {statement}; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in ended.stdout.split()}
    assert "avemo" in loaded
    assert loaded & {"tensorflow", "keras", "mlflow", "cv2", "librosa", "sklearn"} == set()


@pytest.mark.slow
def test_importing_writes_nothing(tmp_path: Path) -> None:
    slow = [
        ["models"],
        ["baselines"],
        ["training"],
        ["evaluation"],
        ["registry"],
        ["inference"],
    ]  # TensorFlow and MLflow
    names = [file[:-3].replace("/", ".").removesuffix(".__init__") for file in FILES]
    code = "".join(f"import {name}\n" for name in names if name.split(".")[1:2] not in slow)
    environment = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(tmp_path)}
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_the_public_names_are_there_and_import_nothing_slow_before_they_are_used() -> None:
    code = (
        "import sys, avemo; before = set(sys.modules)\n"
        "assert not before & {'numpy', 'pandas', 'pydantic', 'mlflow', 'keras', 'av'}, before\n"
        "for name in avemo.__all__: assert getattr(avemo, name).__name__ == name\n"
        "assert not {'keras', 'mlflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_an_unknown_public_name() -> None:
    with pytest.raises(AttributeError, match="'avemo' has no attribute 'train'"):
        avemo.train  # noqa: B018
