"""A copy of the project, in which `dvc repro` runs."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    import mlflow

__all__ = ["Checkout"]

ROOT = Path(__file__).parents[2]
MODALITIES = ("audio", "visual", "fused")


class Checkout:
    """A copy of the project, with a small corpus and short trainings."""

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
        self.set("corpus.sample.actors", 6)
        self.set("corpus.sample.channels", ["speech", "song"])
        self.set("corpus.sample.intensities", ["normal", "strong"])
        self.set("faces.detector", "mtcnn")
        self.set("baselines.epochs", 1)
        self.set("baselines.channels", ["speech"])
        self.set("baselines.protocols", ["random"])
        for modality in MODALITIES:
            several = 1 if modality == "fused" else 2
            budget = {"trials": several, "epochs": 2, "members": several}
            self.set(f"search.{modality}.quick", budget)

    def params(self) -> dict[str, Any]:
        params: dict[str, Any] = yaml.safe_load((self.folder / "params.yaml").read_text())
        return params

    def set(self, key: str, value: object) -> None:
        file, params = self.folder / "params.yaml", self.params()
        *path, last = key.split(".")
        place = params
        for name in path:
            place = place[name]
        place[last] = value
        file.write_text(yaml.safe_dump(params))

    def run(self, *command: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=cwd or self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )

    def repro(self, *stages: str) -> str:
        done = self.run("dvc", "repro", *stages)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    def client(self) -> "mlflow.MlflowClient":
        import mlflow

        return mlflow.MlflowClient(f"sqlite:///{self.folder}/mlruns/mlflow.db")

    def json(self, path: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.folder / path).read_text())
        return content

    def recording(self, modality: str, performance: str) -> Path:
        (file,) = self.folder.glob(f"data/raw/*/*/{modality}-{performance}.*")
        return file
