"""A copy of the project, in which commands are run as a user runs them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    import mlflow

__all__ = ["ROOT", "RUN_MODULES", "Checkout"]

ROOT = Path(__file__).parents[2]
_PYTHON = "python -m "
#: Python that runs modules with their arguments, such as "pipelines.search audio", in one process
RUN_MODULES = """
import runpy, sys

for command in sys.argv[1:]:
    module, *sys.argv[1:] = command.split()
    try:
        runpy.run_module(module, run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise
"""


class Checkout:
    """The project's files in a folder of their own, with the environment that runs them.

    Args:
        folder: is filled
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        for name in listed.stdout.splitlines():
            source, target = ROOT / name, folder / name
            if source.is_file() and name != "dvc.lock":
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(source.read_bytes())
        subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
        self.env = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(folder),
            "AVEMO_CACHE": str(folder / "cache"),
            "AVEMO_ASSETS_ORIGIN": "http://127.0.0.1:1",  # nobody answers there
            "NO_PROXY": "*",
        }

    def settings(self) -> dict[str, Any]:
        """Return the content of params.yaml."""
        params: dict[str, Any] = yaml.safe_load((self.folder / "params.yaml").read_text())
        return params

    def set(self, key: str, value: object) -> None:
        """Change a setting in params.yaml."""
        params = self.settings()
        *path, last = key.split(".")
        place = params
        for name in path:
            place = place[name]
        place[last] = value
        (self.folder / "params.yaml").write_text(yaml.safe_dump(params))

    def run(self, *command: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command in the folder, or in another one."""
        return subprocess.run(
            command,
            cwd=cwd or self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )

    def repro(self, *stages: str) -> str:
        """Run `dvc repro`, which must succeed, and return its output."""
        process = self.run("dvc", "repro", *stages)
        assert process.returncode == 0, process.stdout[-3000:] + process.stderr[-3000:]
        return process.stdout

    def run_stages(self, first: str = "inputs", last: str = "register") -> str:
        """Run the stages of dvc.yaml without DVC, in one process; all must succeed.

        Each import of TensorFlow takes seconds, and `dvc repro` imports it anew for each stage.

        Args:
            first: the stages before it are left out
            last: and those after it

        Returns:
            their output
        """
        stages = yaml.safe_load((self.folder / "dvc.yaml").read_text())["stages"]
        names = list(stages)
        commands = []
        for name in names[names.index(first) : names.index(last) + 1]:
            command = stages[name].get("do", stages[name])["cmd"].removeprefix(_PYTHON)
            items = stages[name].get("foreach", [""])
            commands += [command.replace("${item}", item) for item in items]
        process = self.run(sys.executable, "-c", RUN_MODULES, *commands)
        assert process.returncode == 0, process.stdout[-3000:] + process.stderr[-3000:]
        return process.stdout

    def client(self) -> "mlflow.MlflowClient":
        """Return a client of the project's tracking store."""
        import mlflow

        return mlflow.MlflowClient(f"sqlite:///{self.folder}/mlruns/mlflow.db")

    def json(self, path: str) -> dict[str, Any]:
        """Return the content of a JSON file."""
        content: dict[str, Any] = json.loads((self.folder / path).read_text())
        return content

    def recording(self, modality: str, performance: str) -> Path:
        """Return a performance's recording; `modality` is that of RAVDESS's names."""
        (file,) = self.folder.glob(f"data/raw/*/*/{modality}-{performance}.*")
        return file
