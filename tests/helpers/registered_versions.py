"""A small registry of real versions, which load and answer, with predictions of a chosen skill."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import mlflow
import numpy as np
import pandas as pd
from helpers.bundles import bundle_config
from helpers.lineage import new_lineage
from helpers.probabilities import PROBABILITIES
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema
from mlflow.types.schema import AnyType
from onnx import TensorProto, helper, numpy_helper

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.features.audio.logmel import LogMel, Settings
from avemo.models.bundle import CONFIG_FILE, Bundle
from avemo.models.preprocessing import SequencePreprocessor
from avemo.paths import Project
from avemo.records import ValidationProfile
from avemo.registry import packaging
from avemo.runtime.graph import GRAPH_FILE
from avemo.tracking import integrity

ROOT = Path(__file__).parents[2]
NAME = "avemo-audio"
_FRAMES, _BANDS = 50, 8
_LOGMEL = LogMel(
    Settings(
        sample_rate=16000, window_ms=25.0, hop_ms=10.0, bands=_BANDS, low_hz=60.0, high_hz=7600.0
    )
)
_INPUT = asdict(SequencePreprocessor(_FRAMES, [0.0] * _BANDS, [1.0] * _BANDS))
SCRIPT = """
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class Model(PythonModel):
    def predict(self, context, model_input, params=None):
        answer = {"emotion": "calm", "p_calm": 0.8, "p_sad": 0.2, "finding": "", "reason": ""}
        return pd.DataFrame([answer] * len(model_input))


set_model(Model())
"""


def new_project(folder: Path, **promotion: float) -> Project:
    """Return a project with other limits, and nothing but the catalogue of one recording."""
    import yaml

    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["promotion"] |= promotion
    params["evaluation"]["resamples"] = 200
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    shutil.copyfile(ROOT / "dvc.yaml", folder / "dvc.yaml")
    (folder / "data" / "raw").mkdir(parents=True)
    (folder / "data" / "raw" / "a.wav").write_bytes(b"a recording")
    row = {"performance": "a", "recording": "a", "path": "a.wav", "modality": 3}
    row |= {"finding": "", "has_sound": True, "has_picture": False, "actor": "01"}
    pd.DataFrame([row]).to_parquet(folder / "data" / "catalogue.parquet")
    return Project(folder)


def new_predictions(
    skill: float, *, actors: int = 8, takes: int = 4, seed: int = 1
) -> pd.DataFrame:
    """Return predictions of which a share is right, with probabilities as high as that."""
    random = np.random.default_rng(seed)
    rows = []
    for actor in range(1, actors + 1):
        for take in range(takes):
            for place, emotion in enumerate(EMOTIONS):
                right = random.random() < skill
                answer = place if right else (place + random.integers(1, 8)) % 8
                probabilities = np.full(8, (1 - skill) / 7)
                probabilities[answer] = max(skill, 0.2)
                performance = f"01-0{place + 1}-01-01-0{take + 1}-{actor:02}"
                speaker = (f"{actor:02d}", "male" if actor % 2 else "female")
                probabilities /= probabilities.sum()
                rows.append((performance, *speaker, 1, "test", emotion, *probabilities))
    columns = ["performance", "actor", "sex", "fold", "part", "true", *PROBABILITIES]
    return pd.DataFrame(rows, columns=columns)


def start_run(**named: Any) -> mlflow.ActiveRun:
    """Start a run in the experiment avemo/audio."""
    (experiment,) = mlflow.search_experiments(filter_string="name = 'avemo/audio'")
    return mlflow.start_run(experiment_id=experiment.experiment_id, **named)


def register_version(
    folder: Path,
    table: pd.DataFrame | None,
    *,
    alias: str = "candidate",
    lineage: Mapping[str, object] | None = MappingProxyType({}),
    network: bytes | None = None,
    profile: ValidationProfile | None = None,
    alter: Callable[[Path, Path], None] | None = None,
    beside: Mapping[str, str] = MappingProxyType({}),
    **bundle: object,
) -> str:
    """Register a version with an alias, and return its number.

    Args:
        lineage: fields of its lineage; None for a version without one
        network: the graph of one that answers by its own code, see `new_network`; it hears
        profile: of its validation data
        alter: changes that code, and the files of its model, before the version is sealed
        beside: text by the name of a file that stands beside MLflow's own
        bundle: fields of its bundle's configuration
    """
    if network:
        bundle |= {"features": {"logmel": _LOGMEL.spec()}, "inputs": {"logmel": _INPUT}}
    folder.mkdir(parents=True)
    script, files = folder / "load.py", folder / "model"
    script.write_text(SCRIPT)
    files.mkdir()
    bundle_config(**bundle).write(files / CONFIG_FILE)
    code = []
    if network:
        (files / GRAPH_FILE).write_bytes(network)
        package = packaging.copy_code(Bundle(files), folder)
        if alter:  # under another name, as other code has
            package = package.rename(folder / f"avemo_{uuid4().hex[:12]}")
            alter(package, files)
        code.append(str(package))
    if lineage is not None:
        new_lineage(**lineage).write(files / "lineage.json")
    if profile is not None:
        profile.write(files / "profile.json")
    if table is not None:
        table.to_csv(files / "predictions.csv", index=False)
    signature = ModelSignature(
        Schema([ColSpec(AnyType(), "media")]),  # type: ignore[no-untyped-call]
        Schema([ColSpec(DataType.string, "emotion")]),
    )
    client = mlflow.MlflowClient()
    with start_run(tags={"avemo.modality": "audio"}) as run:
        mlflow.log_metric("test_uar", 0.5)
        model = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(script),
            artifacts={"model": str(files)},
            code_paths=code,
            pip_requirements=[],
            signature=signature,
        )
    for name, text in beside.items():
        (folder / name).write_text(text)
        client.log_model_artifact(model.model_id, str(folder / name))
    seal = integrity.seal_model(model.model_id)
    if not client.search_registered_models(f"name = '{NAME}'"):
        client.create_registered_model(NAME)
    registered = client.create_model_version(
        NAME,
        f"models:/{model.model_id}",
        run.info.run_id,
        tags={integrity.CHECKSUMS_TAG: seal, "avemo.corpus": "path"},
        model_id=model.model_id,
    )
    client.set_registered_model_alias(NAME, alias, registered.version)
    return str(registered.version)


def new_network(
    emotion: str,
    *,
    operator: str = "Softmax",
    feature: str = "logmel",
    seed: int | None = None,
    spread: float = 0.01,
) -> bytes:
    """Return an ONNX graph that finds an emotion likeliest in every sound.

    Args:
        emotion: which
        operator: that makes the probabilities
        feature: the input
        seed: draws small weights, by which the probabilities differ from sound to sound
        spread: of these weights; with large ones, another emotion is likeliest in some sounds
    """
    shape: list[str | int | None] = ["clips", _FRAMES, _BANDS]
    logits = np.where(np.array(EMOTIONS) == emotion, 2, 0).astype(np.float32)
    random = np.zeros if seed is None else np.random.default_rng(seed).random
    small = np.asarray(random((_BANDS, 8)) * spread, np.float32)
    weights = {"axes": np.array([1]), "small": small, "logits": logits}
    nodes = [
        helper.make_node("ReduceMean", [feature, "axes"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "small"], ["heard"]),
        helper.make_node("Add", ["heard", "logits"], ["sum"]),
        helper.make_node(operator, ["sum"], ["emotion"]),
    ]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info(feature, TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("emotion", TensorProto.FLOAT, ["clips", 8])],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return bytes(model.SerializeToString())


def read_aliases() -> dict[str, str]:
    """Return the version behind each alias."""
    aliases = mlflow.MlflowClient().get_registered_model(NAME).aliases
    return {alias: str(number) for alias, number in aliases.items()}
