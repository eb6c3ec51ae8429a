"""Predictions by registered versions: each clip goes to the champion for its streams."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast, overload

from ..errors import AvemoError, MediaError, SettingsError
from ..inference.adaptation import SpeakerStatistics
from ..inference.prediction import Prediction
from ..inference.timeline_row import TimelineRow
from ..media.clip import Clip
from ..media.scan import Streams
from ..media.span import Windows
from ..modalities import MODALITIES, Modality
from ..paths import find_project
from ..quiet import import_tensorflow_quietly
from ..tracking import integrity, lookup, store
from ..tracking.keys import PublicKey
from . import own_code, version_cache
from .speaker import NO_ADAPTATION, Speaker, explain_no_adaptation

if TYPE_CHECKING:
    from ..settings import Settings

__all__ = ["PRIOR", "Champions", "RegisteredModel", "load_model", "predict", "predict_each"]

#: in place of a URI: the untrained prior, see `untrained_prior`
PRIOR = "prior"

_CHAMPION = "models:/avemo-{modality}@champion"

Media = Clip | Path | str | bytes
#: told what is about to be done, such as `loading avemo-fused version 3`
Report = Callable[[str], None]
#: from a clip's path or content, and a speaker or None, to the row that a version predicts for it
Answer = Callable[[Path | bytes, SpeakerStatistics | None], Mapping[str, object]]


def _report_nothing(activity: str) -> None:
    """Take what is about to be done."""


class RegisteredModel:
    """A version in MLflow's registry; its files are checked and loaded on the first prediction.

    Args:
        uri: as MLflow takes it, such as `models:/avemo-fused@champion`; or `prior`, the untrained
            prior, which is in no registry
        report: is called with what is about to be done
        require_key: that must have signed the version; None where no signature is required
    """

    def __init__(
        self, uri: str, *, report: Report = _report_nothing, require_key: PublicKey | None = None
    ) -> None:
        self.uri = uri
        self._report = report
        self._require_key = require_key

    @cached_property
    def version(self) -> lookup.Version | None:
        """The version that the URI names; None where there is none."""
        if self.uri == PRIOR:
            from .untrained_prior import prior_version

            self._report("fetching the pretrained networks of the untrained prior")
            return prior_version(_settings())
        self._report(f"asking the registry for {self.uri}")
        return lookup.find_versions([self.uri])[self.uri]

    @property
    def label(self) -> str:
        """`avemo-fused version 3`; the URI where it names no version."""
        return self.version.label if self.version else self.uri

    @property
    def synthetic(self) -> bool:
        """Whether it was trained on the synthetic sample, so that predictions mean nothing."""
        return self.version is not None and self.version.synthetic

    @property
    def classes(self) -> tuple[str, ...]:
        """The emotions that the version tells apart, in its order.

        Raises:
            AvemoError: as `timeline` does
        """
        return tuple(self._recogniser_of_timelines.classes)

    @property
    def space(self) -> str:
        """The space that the version measures people in; empty where it does not adapt to them.

        Raises:
            AvemoError: as `predict` does
        """
        return own_code.adaptation_space(self.recogniser) if self.recogniser else ""

    def enrol(self, media: Media, *, neutral: bool = False) -> SpeakerStatistics:
        """Return what a clip says of how its speaker sounds and looks, for `predict`.

        Args:
            media: a clip, a file's path, or its content
            neutral: the person speaks neutrally in it

        Raises:
            MediaError: the clip cannot be used, or the version does not adapt
            AvemoError: as `predict` does
        """
        recogniser = self.recogniser
        if recogniser is None or not self.space:
            raise MediaError(NO_ADAPTATION, explain_no_adaptation(self.label))
        source = _source_of(media)
        self._report(f"enrolling with {self.label}")
        with self._errors_explained():
            return own_code.enrol(recogniser, source, neutral=neutral)

    def predict(self, media: Media, *, speaker: Speaker | None = None) -> Prediction:
        """Return the emotion in a clip, or the finding that speaks against one.

        Args:
            media: a clip, a file's path, or its content
            speaker: whom the prediction is adapted to

        Raises:
            AvemoError: the model cannot be loaded or run, or its files are not as they were
                registered
        """
        source = _source_of(media)
        answer = self._answer
        try:
            statistics = speaker.statistics_for(self.space, self.label) if speaker else None
        except MediaError as error:
            return replace(Prediction.from_error(error), model=self.label)
        self._report(f"computing the prediction of {self.label}")
        with self._errors_explained():
            row = answer(source, statistics)
        return Prediction.from_row(row, model=self.label, synthetic=self.synthetic)

    def timeline(
        self,
        media: Media | BinaryIO,
        *,
        window_s: float | None = None,
        hop_s: float | None = None,
        speaker: Speaker | None = None,
        adapt: bool = False,
    ) -> Iterator[TimelineRow]:
        """Yield predictions for windows that slide over a clip, as soon as they are complete.

        Args:
            media: a clip, a file's path, or its content; or a stream that it is still arriving by,
                such as a pipe, which need not be able to seek
            window_s: length of a window, in seconds; by default that of the version
            hop_s: from one window to the next, in seconds; by default that of the version, where no
                window is given, or a third of the window
            speaker: whom the rows are adapted to from the start
            adapt: to each person in the clip, as it goes: a row by what came before it

        Raises:
            MediaError: the clip cannot be read, or the version does not adapt, or not by what is
                known of the speaker
            AvemoError: as `predict` does; or there are no such windows
        """
        recogniser = self._recogniser_of_timelines
        source = _source_of(media) if isinstance(media, Clip | Path | str | bytes) else media
        options: dict[str, Any] = {"window_s": window_s, "hop_s": hop_s}
        if speaker or adapt:
            if not self.space:
                raise MediaError(NO_ADAPTATION, explain_no_adaptation(self.label))
            options["adapt"] = adapt
        if speaker:
            statistics = speaker.statistics_for(self.space, self.label)
            options |= own_code.speaker_option(recogniser, statistics)
        self._report(f"computing the timeline of {self.label}")
        with self._errors_explained(), own_code.without_bytecode():
            for row in recogniser.timeline(source, **options):
                yield TimelineRow.from_dict(row.to_dict())

    def windows(self, window_s: float | None = None, hop_s: float | None = None) -> Windows:
        """Return the windows that `timeline` slides over a clip.

        Args:
            window_s: as `timeline` takes it
            hop_s: as `timeline` takes it

        Raises:
            AvemoError: as `timeline` does
        """
        recogniser = self._recogniser_of_timelines
        with self._errors_explained():
            own = recogniser.windows(window_s, hop_s)
        return Windows(own.length, own.hop)

    @property
    def _recogniser_of_timelines(self) -> own_code.Recogniser:
        recogniser = self.recogniser
        if recogniser is None or not hasattr(recogniser, "timeline"):
            raise AvemoError(
                f"{self.label} was registered by an older release, which has no timelines: register"
                " it anew with `dvc repro`"
            )
        return recogniser

    def load(self) -> None:
        """Check and load the files now.

        Raises:
            AvemoError: as `predict` does
        """
        self._answer  # noqa: B018

    @cached_property
    def recogniser(self) -> own_code.Recogniser | None:
        """The version's own; None where MLflow must load it, such as one of an older release."""
        if self.uri == PRIOR:
            if self._require_key:
                raise AvemoError("the untrained prior is in no registry, and nobody signs it")
            from .untrained_prior import UntrainedPrior

            return cast(own_code.Recogniser, UntrainedPrior(_settings()))
        folder = self.folder
        self._report(f"loading {self.label}")
        with self._errors_explained():
            return own_code.load_recogniser(folder)

    @cached_property
    def _answer(self) -> Answer:
        recogniser = self.recogniser
        if recogniser is None:
            with self._errors_explained():
                return self._load_with_mlflow(self.folder)

        def answer(
            source: Path | bytes, statistics: SpeakerStatistics | None
        ) -> Mapping[str, object]:
            options = own_code.speaker_option(recogniser, statistics) if statistics else {}
            with own_code.without_bytecode():
                return recogniser.predict(source, **options).to_row()

        return answer

    @cached_property
    def folder(self) -> Path:
        """The folder with its files, which are checked; not for the untrained prior.

        Raises:
            AvemoError: as `predict` does
        """
        if self.version and integrity.CHECKSUMS_TAG in self.version.tags:
            self._report(f"checking the files of {self.label}")
            return version_cache.get(self.version, require_key=self._require_key)
        if self._require_key:
            raise AvemoError(
                f"{self.label} has no checksums, so that nobody can have signed it: register it "
                "again, then sign it"
            )
        import mlflow

        try:
            return integrity.open_until_exit(self.uri)
        except (mlflow.MlflowException, OSError) as error:
            raise self._cannot_be_loaded(error) from error

    def _load_with_mlflow(self, folder: Path) -> Answer:
        """Return how a version answers through MLflow, such as one of an older release."""
        import mlflow
        import pandas as pd

        if find_spec("tensorflow"):
            import_tensorflow_quietly()
        try:
            with own_code.without_bytecode():
                model = mlflow.pyfunc.load_model(str(folder))
        except (mlflow.MlflowException, OSError) as error:
            raise self._cannot_be_loaded(error) from error

        def answer(
            source: Path | bytes, statistics: SpeakerStatistics | None
        ) -> Mapping[str, object]:
            with own_code.without_bytecode():
                rows = pd.DataFrame(model.predict(pd.DataFrame({"media": [source]})))
            return {str(name): values.iloc[0] for name, values in rows.items()}

        return answer

    def _cannot_be_loaded(self, error: Exception) -> AvemoError:
        first_line = str(error).splitlines()[0]
        return AvemoError(
            f"{self.uri} cannot be loaded from {os.environ[store.TRACKING_URI]}: {first_line}; "
            "`avemo status` lists what is registered"
        )

    @contextmanager
    def _errors_explained(self) -> Iterator[None]:
        """Turn the errors of the version's own code, whose classes are others, into ours."""
        try:
            yield
        except AvemoError:
            raise
        except ModuleNotFoundError as error:
            raise AvemoError(
                f"{self.label} needs the package {error.name}, which is not installed"
            ) from error
        except Exception as error:
            bases = {base.__name__ for base in type(error).__mro__}
            if MediaError.__name__ in bases:
                raise MediaError(str(getattr(error, "finding", "")), str(error)) from error
            if AvemoError.__name__ not in bases:
                raise
            raise AvemoError(f"{self.label} cannot answer: {error}") from error


def load_model(uri: str = "models:/avemo-fused@champion") -> RegisteredModel:
    """Return a registered model, its files checked against those that were registered.

    Args:
        uri: as MLflow takes it, such as `models:/avemo-audio@champion` or `models:/avemo-audio/3`;
            or `prior`, see `RegisteredModel`

    Raises:
        AvemoError: there is no such model, or its files are not as they were registered
        SettingsError: there is no project here, see `paths.find_project`
    """
    if uri != PRIOR:
        store.connect(find_project(), spool=False)
    model = RegisteredModel(uri)
    model.load()
    return model


@overload
def predict(  # type: ignore[overload-overlap]  # text and bytes are sequences, too
    media: Media,
    *,
    model: RegisteredModel | str | None = None,
    speaker: Speaker | None = None,
) -> Prediction: ...
@overload
def predict(
    media: Sequence[Media],
    *,
    model: RegisteredModel | str | None = None,
    speaker: Speaker | None = None,
) -> list[Prediction]: ...
def predict(
    media: Media | Sequence[Media],
    *,
    model: RegisteredModel | str | None = None,
    speaker: Speaker | None = None,
) -> Prediction | list[Prediction]:
    """Return the emotion in a clip, or in each of several.

    Args:
        media: a clip, a file's path, or its content, of any format that FFmpeg decodes; or several
        model: the model that must predict, or its URI, or `prior` for the untrained prior; by
            default a champion: the fused one, but that of a modality where a clip has this one
            alone, or where none is fused
        speaker: whom predictions are adapted to

    Raises:
        AvemoError: no model is registered, or its files are not as they were registered
        SettingsError: there is no project here, see `paths.find_project`
    """
    if isinstance(media, Clip | Path | str | bytes):
        return next(predict_each([media], model=model, speaker=speaker))
    return list(predict_each(media, model=model, speaker=speaker))


def predict_each(
    media: Sequence[Media],
    *,
    model: RegisteredModel | str | None = None,
    speaker: Speaker | None = None,
    report: Report = _report_nothing,
    require_key: PublicKey | None = None,
) -> Iterator[Prediction]:
    """Yield the emotion in each of several clips as soon as it is predicted.

    Args:
        media: see `predict`
        model: see `predict`
        speaker: see `predict`
        report: is called with what is about to be done, such as `loading avemo-fused version 3`
        require_key: that must have signed each version that answers; not for a `RegisteredModel`,
            which has its own

    Raises:
        AvemoError: see `predict`
        SettingsError: see `predict`
    """
    if model != PRIOR:  # which is in no registry
        store.connect(find_project(), spool=False)
    if model is not None:
        if isinstance(model, str):
            model = RegisteredModel(model, report=report, require_key=require_key)
        yield from (model.predict(clip, speaker=speaker) for clip in media)
        return
    champions = Champions(report, require_key=require_key)
    yield from (champions.predict(Clip.of(clip), speaker=speaker) for clip in media)


def _settings() -> Settings:
    """Return the settings of the project here."""
    from ..config import load_settings

    return load_settings(find_project().root)


def _source_of(media: Media) -> Path | bytes:
    """Return what a version's own code reads, whose classes of clips are others.

    Raises:
        AvemoError: a clip that reads from a stream
    """
    source = Clip.of(media).source
    if isinstance(source, Path):
        return source.absolute()
    if isinstance(source, bytes):
        return source
    raise AvemoError("a clip that reads from a stream is given: a path or content is expected")


class Champions:
    """The champion of each modality that has one.

    Args:
        report: is called with what is about to be done
        versions: the champions; by default those of the registry when the first clip comes
        require_key: that must have signed each; None where no signature is required
    """

    def __init__(
        self,
        report: Report = _report_nothing,
        versions: Mapping[Modality, lookup.Version] | None = None,
        require_key: PublicKey | None = None,
    ) -> None:
        self._report = report
        self._versions = versions
        self._require_key = require_key

    @cached_property
    def _models(self) -> dict[Modality, RegisteredModel]:
        versions = self.find_versions() if self._versions is None else self._versions
        models = {}
        for name, version in versions.items():
            models[name] = RegisteredModel(
                _CHAMPION.format(modality=name),
                report=self._report,
                require_key=self._require_key,
            )
            models[name].version = version
        return models

    def find_versions(self) -> dict[Modality, lookup.Version]:
        """Return the version behind the alias `champion` of each modality that has one.

        Raises:
            AvemoError: the registry cannot be asked
        """
        self._report("asking the registry for the champions")
        uris = {name: _CHAMPION.format(modality=name) for name in MODALITIES}
        versions = lookup.find_versions(list(uris.values()))
        return {name: version for name, uri in uris.items() if (version := versions[uri])}

    def model_for(self, clip: Clip) -> RegisteredModel:
        """Return the first champion that may predict for a clip.

        Raises:
            MediaError: the clip holds nothing that a registered model takes
            AvemoError: no model is registered
        """
        return self._models_for(clip.streams())[0]

    def predict(self, clip: Clip, *, speaker: Speaker | None = None) -> Prediction:
        """Return the prediction of the first champion that has one for a clip."""
        try:
            models = self._models_for(clip.streams())
        except MediaError as error:
            return Prediction.from_error(error)
        failed: list[Prediction] = []
        for model in models:
            prediction = model.predict(clip, speaker=speaker)
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
            raise _no_model()
        unimodal = [
            self._models[name] for name, fit in fits.items() if fit and name in self._models
        ]
        if "fused" in self._models and (all(fits.values()) or not unimodal):
            return [self._models["fused"]]
        if not unimodal:
            stream = "sound alone" if streams.sound else "a picture alone"
            raise MediaError("no-model", f"{stream}, and no model for that is registered")
        return unimodal


def _no_model() -> AvemoError:
    """Return the error of a registry without a champion, with what became of them."""
    from .absence import explain_no_model

    message = f"no model is registered at {os.environ[store.TRACKING_URI]}: "
    try:
        reasons = explain_no_model(find_project())
    except SettingsError:  # there is no project here
        reasons = ""
    return AvemoError(
        message
        + (reasons or f"run `dvc repro` first, or set {store.TRACKING_URI} to where they are")
    )
