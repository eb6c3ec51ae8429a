"""Predictions by registered versions: each clip goes to the champion for its streams."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, overload

from ..errors import AvemoError, MediaError
from ..inference.prediction import Prediction
from ..media.clip import Clip
from ..media.scan import Streams
from ..modalities import MODALITIES, Modality
from ..paths import find_project
from ..quiet import import_tensorflow_quietly
from ..tracking import integrity, store

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.pyfunc import PyFuncModel

__all__ = ["RegisteredModel", "load_model", "predict"]

_CHAMPION = "models:/avemo-{modality}@champion"

Media = Clip | Path | str | bytes


class RegisteredModel:
    """A version in MLflow's registry; its files are checked and loaded on the first prediction.

    Args:
        uri: as MLflow takes it, such as `models:/avemo-fused@champion`
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri

    @cached_property
    def version(self) -> ModelVersion | None:
        """The version that the URI names; None where there is none."""
        return integrity.find_version(self.uri)

    @property
    def label(self) -> str:
        """`avemo-fused version 3`; the URI where it names no version."""
        return f"{self.version.name} version {self.version.version}" if self.version else self.uri

    @property
    def synthetic(self) -> bool:
        """Whether it was trained on the synthetic sample, so that predictions mean nothing."""
        return self.version is not None and "synthetic" in self.version.tags.get("avemo.corpus", "")

    def predict(self, media: Media) -> Prediction:
        """Return the emotion in a clip, or the finding that speaks against one.

        Args:
            media: a clip, a file's path, or its content

        Raises:
            AvemoError: the model cannot be loaded, or its files are not as they were registered
        """
        import pandas as pd

        source = Clip.of(media).source  # a version has its own code: another class of clips
        if isinstance(source, Path):
            source = source.absolute()
        table = pd.DataFrame({"media": [source]})
        rows = pd.DataFrame(self._pyfunc.predict(table))
        row = {str(name): values.iloc[0] for name, values in rows.items()}
        return Prediction.from_row(row, model=self.label, synthetic=self.synthetic)

    @cached_property
    def _pyfunc(self) -> PyFuncModel:
        import mlflow

        import_tensorflow_quietly()
        try:
            model: PyFuncModel = mlflow.pyfunc.load_model(str(integrity.open_until_exit(self.uri)))
        except (mlflow.MlflowException, OSError) as error:
            first_line = str(error).splitlines()[0]
            raise AvemoError(
                f"{self.uri} cannot be loaded from {os.environ[store.TRACKING_URI]}: {first_line}; "
                "`avemo status` lists what is registered"
            ) from error
        return model


def load_model(uri: str = "models:/avemo-fused@champion") -> RegisteredModel:
    """Return a registered model, its files checked against those that were registered.

    Args:
        uri: as MLflow takes it, such as `models:/avemo-audio@champion` or `models:/avemo-audio/3`

    Raises:
        AvemoError: there is no such model, or its files are not as they were registered
        SettingsError: there is no project here, see `paths.find_project`
    """
    store.connect(find_project(), spool=False)
    model = RegisteredModel(uri)
    model._pyfunc  # noqa: B018  (load it now)
    return model


@overload
def predict(  # type: ignore[overload-overlap]  # text and bytes are sequences, too
    media: Media, *, model: RegisteredModel | str | None = None
) -> Prediction: ...
@overload
def predict(
    media: Sequence[Media], *, model: RegisteredModel | str | None = None
) -> list[Prediction]: ...
def predict(
    media: Media | Sequence[Media], *, model: RegisteredModel | str | None = None
) -> Prediction | list[Prediction]:
    """Return the emotion in a clip, or in each of several.

    Args:
        media: a clip, a file's path, or its content, of any format that FFmpeg decodes; or several
        model: the model that must predict, or its URI; by default a champion: the fused one, but
            that of a modality where a clip has this one alone, or where none is fused

    Raises:
        AvemoError: no model is registered, or its files are not as they were registered
        SettingsError: there is no project here, see `paths.find_project`
    """
    if isinstance(media, Clip | Path | str | bytes):
        return predict([media], model=model)[0]
    store.connect(find_project(), spool=False)
    if model is not None:
        fixed = RegisteredModel(model) if isinstance(model, str) else model
        return [fixed.predict(clip) for clip in media]
    champions = _Champions()
    return [champions.predict(Clip.of(clip)) for clip in media]


class _Champions:
    """The champion of each modality that has one."""

    @cached_property
    def _models(self) -> dict[Modality, RegisteredModel]:
        models = {name: RegisteredModel(_CHAMPION.format(modality=name)) for name in MODALITIES}
        return {name: model for name, model in models.items() if model.version}

    def predict(self, clip: Clip) -> Prediction:
        """Return the prediction of the first champion that has one for a clip."""
        try:
            models = self._models_for(clip.streams())
        except MediaError as error:
            return Prediction.from_error(error)
        failed: list[Prediction] = []
        for model in models:
            prediction = model.predict(clip)
            if not prediction.finding:
                reasons = [*(other.reason for other in failed), prediction.reason]
                return replace(prediction, reason="; ".join(dict.fromkeys(filter(None, reasons))))
            failed.append(prediction)
        return failed[0]

    def _models_for(self, streams: Streams) -> list[RegisteredModel]:
        """Return the models that may predict, best first.

        The fused one is alone: where sound or picture cannot be used, it predicts from the other.

        Raises:
            MediaError: the clip holds nothing that a registered model takes
            AvemoError: no model is registered
        """
        fits: dict[Modality, bool] = {"audio": streams.sound, "visual": streams.picture}
        if not any(fits.values()):
            raise MediaError("unreadable", "no sound and no picture: the file has no such stream")
        if not self._models:
            raise AvemoError(
                f"no model is registered at {os.environ[store.TRACKING_URI]}: run `dvc repro` "
                f"first, or set {store.TRACKING_URI} to where they are"
            )
        unimodal = [
            self._models[name] for name, fit in fits.items() if fit and name in self._models
        ]
        if "fused" in self._models and (all(fits.values()) or not unimodal):
            return [self._models["fused"]]
        if not unimodal:
            stream = "sound alone" if streams.sound else "a picture alone"
            raise MediaError("no-model", f"{stream}, and no model for that is registered")
        return unimodal
