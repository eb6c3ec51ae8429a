"""Answers from the registry: each clip goes to the model that fits what it holds."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import AvemoError, MediaError
from ..media.probe import Probe, probe
from ..paths import Project
from ..quiet import import_tensorflow_quietly
from ..tracking import integrity, store

__all__ = ["Prediction", "predict"]

_URI = "models:/avemo-{modality}@champion"


@dataclass(frozen=True)
class Prediction:
    """What `avemo predict` says of one file.

    Args:
        file: as it was given
        model: the registered version that answered, `avemo-fused version 3`
        probabilities: by emotion, likeliest first; empty where there is a finding
        finding: the class of the trouble; empty where there is none
        reason: in a sentence; where there is no finding, why the answer does not come from sound
            and picture together
        synthetic: the model was trained on the synthetic sample: its answer means nothing
    """

    file: str
    model: str
    probabilities: dict[str, float]
    finding: str = ""
    reason: str = ""
    synthetic: bool = False

    @property
    def emotion(self) -> str:
        """The likeliest."""
        return next(iter(self.probabilities), "")


def predict(project: Project, files: Sequence[str], uri: str | None = None) -> list[Prediction]:
    """Answer for each file.

    Args:
        files: any that FFmpeg can decode
        uri: the model that must answer; by default the champion that fits what the file holds:
            sound and picture, sound alone, or picture alone

    Raises:
        AvemoError: no model is registered, or its files are not as they were
    """
    store.connect(project, spool=False)
    registry = _Registry(uri)
    return [_one(file, registry) for file in files]


def _one(file: str, registry: "_Registry") -> Prediction:
    try:
        if not Path(file).is_file():
            raise MediaError("unreadable", "there is no such file")
        candidates = _candidates(probe(Path(file)), registry)
    except MediaError as error:
        return Prediction(file, "", {}, error.finding, str(error))
    troubles: list[tuple[str, str]] = []  # findings and reasons of models that did not answer
    for modality in candidates:
        answer = registry.answer(modality, file)
        if answer["finding"]:
            troubles.append((answer["finding"], answer["reason"]))
            continue
        chances = {k[2:]: float(v) for k, v in answer.items() if k.startswith("p_")}
        ranked = dict(sorted(chances.items(), key=lambda one: -one[1]))
        reasons = [*(reason for _, reason in troubles), answer["reason"]]
        return Prediction(
            file,
            registry.label(modality),
            ranked,
            reason="; ".join(dict.fromkeys(filter(None, reasons))),
            synthetic=registry.synthetic(modality),
        )
    return Prediction(file, registry.label(candidates[0]), {}, *troubles[0])


def _candidates(found: Probe, registry: "_Registry") -> list[str]:
    """The modalities that may answer, best first."""
    if registry.fixed:
        return [registry.fixed]
    fits = {
        "fused": found.has_sound and found.has_picture,
        "audio": found.has_sound,
        "visual": found.has_picture,
    }
    if not any(fits.values()):
        raise MediaError("silent", "silence and no picture: there is nothing to answer from")
    known = [modality for modality in fits if registry.has(modality)]
    if not known:
        raise AvemoError(
            f"no model is registered at {os.environ[store.TRACKING_URI]}: run `dvc repro` first, "
            f"or set {store.TRACKING_URI} to where they are"
        )
    usable = [modality for modality in known if fits[modality]]
    if not usable:
        holds = "sound alone" if found.has_sound else "a picture alone"
        raise MediaError("no-model", f"{holds}, and no model for that is registered")
    return usable


class _Registry:
    """The registered models, each loaded when it is first asked.

    Args:
        uri: one model for everything
    """

    def __init__(self, uri: str | None) -> None:
        self.fixed = uri
        self._models: dict[str, Any] = {}
        self._versions: dict[str, Any] = {}

    def has(self, modality: str) -> bool:
        return self._version(modality) is not None

    def label(self, modality: str) -> str:
        found = self._version(modality)
        return f"{found.name} version {found.version}" if found else modality

    def synthetic(self, modality: str) -> bool:
        found = self._version(modality)
        return bool(found) and "synthetic" in found.tags.get("avemo.corpus", "")

    def answer(self, modality: str, file: str) -> dict[str, Any]:
        import pandas as pd

        if modality not in self._models:
            self._models[modality] = self._load(modality)
        table = pd.DataFrame({"media": [Path(file).resolve()]})
        row: dict[str, Any] = self._models[modality].predict(table).iloc[0].to_dict()
        return row

    def _uri(self, modality: str) -> str:
        return self.fixed or _URI.format(modality=modality)

    def _load(self, modality: str) -> Any:
        import mlflow

        import_tensorflow_quietly()
        uri = self._uri(modality)
        try:
            return mlflow.pyfunc.load_model(str(integrity.kept(uri)))
        except (mlflow.MlflowException, OSError) as error:
            first = str(error).splitlines()[0]
            raise AvemoError(
                f"{uri} cannot be loaded from {os.environ[store.TRACKING_URI]}: {first}; "
                "`avemo status` lists what is registered"
            ) from error

    def _version(self, modality: str) -> Any:
        """The registered version, None where there is none."""
        uri = self._uri(modality)
        if uri not in self._versions:
            self._versions[uri] = integrity.version_of(uri)
        return self._versions[uri]
