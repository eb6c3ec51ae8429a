"""A registered version that sees faces and hears voices; its network is not trained."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import mlflow
import pytest
from helpers import fused_version
from helpers.registered_versions import start_run

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.registry import packaging
from avemo.tracking import integrity

__all__ = ["NAME", "register_fused_version"]

NAME = "avemo-fused"
#: few and quick, and their weights are in packages that are installed
_INPUTS = ("prosody_stats", "geometry")


def register_fused_version(folder: Path, film: Path, *, detector: str, check: object) -> str:
    """Register a version as champion, and return its number.

    Args:
        folder: must not exist
        film: with sound and a face, which the sizes of the inputs are taken from
        detector: of faces
        check: what the gate has said of it
    """
    folder.mkdir()
    client = mlflow.MlflowClient()
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # there is no input example
        patch.setattr(fused_version, "INPUTS", _INPUTS)
        bundle = fused_version.new_bundle(folder / "bundle", film, detector)
        with packaging.package_model(bundle) as packaged, start_run() as run:
            mlflow.log_metrics({"test_uar": 0.5, "test_uar_low": 0.4, "test_uar_high": 0.6})
            model = mlflow.pyfunc.log_model(
                name="model",
                python_model=str(packaged.script),
                artifacts={"model": str(packaged.folder)},
                code_paths=[str(packaged.code)],
                pip_requirements=[],
                signature=packaging.signature(EMOTIONS),
            )
            (folder / "check.json").write_text(json.dumps(check))
            (folder / "model_card.html").write_text("<h1>A card</h1><p>Not trained.</p>")
            client.log_model_artifact(model.model_id, str(folder / "check.json"))
            client.log_model_artifact(model.model_id, str(folder / "model_card.html"))
    seal = integrity.seal_model(model.model_id)
    client.create_registered_model(NAME)
    tags = {integrity.CHECKSUMS_TAG: seal, "avemo.corpus": "path", "avemo.check": "passed"}
    version = client.create_model_version(
        NAME, f"models:/{model.model_id}", run.info.run_id, tags=tags, model_id=model.model_id
    )
    client.set_registered_model_alias(NAME, "champion", version.version)
    return str(version.version)
