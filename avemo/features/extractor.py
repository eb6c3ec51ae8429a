"""What an extractor is: it turns a recording's sound, or the faces of its picture, into features.

Each file of `audio/` and of `visual/` holds one subclass, which is called as the file is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Generic, Self, TypeVar

from ..modalities import Unimodal
from ..pretrained import assets
from ..runtime import pretrained_graphs
from ..schema import Strict
from .arrays import Array, Arrays, Sound
from .spec import PROGRAM, FeatureSpec

if TYPE_CHECKING:
    import pandas as pd

    from .openface.sources import ClipSource, Listing

__all__ = [
    "AudioExtractor",
    "AudioSettings",
    "Extractor",
    "ImportedExtractor",
    "VisualExtractor",
    "audio_extractors",
    "imported_extractors",
    "visual_extractors",
]


class AudioSettings(Strict):
    """Settings that every extractor of sound has."""

    sample_rate: int


SettingsT = TypeVar("SettingsT", bound=Strict, covariant=True)
AudioSettingsT = TypeVar("AudioSettingsT", bound=AudioSettings, covariant=True)


class Extractor(ABC, Generic[SettingsT]):
    """Base class for extractors.

    Args:
        settings: its own, of the class `settings_class`
        weights: the file of each of its `weight_names`; none where nothing is to be extracted
    """

    modality: ClassVar[Unimodal]
    #: of its settings in params.yaml
    settings_class: ClassVar[type[Strict]]
    #: to be raised when the same input and settings give other figures than before
    version: ClassVar[int]
    #: the type of each array that it gives; its name is the extractor's, or begins with it and `_`
    dtypes: ClassVar[Mapping[str, str]]
    #: the pretrained files that it needs, in `assets.ASSETS` unless it fetches them itself; an
    #: extractor whose settings choose among several sets its own
    weight_names: tuple[str, ...] = ()

    def __init__(self, settings: SettingsT, weights: Mapping[str, Path] | None = None) -> None:
        self.settings = settings
        self.weights = {name: weights[name] for name in self.weight_names} if weights else {}

    @classmethod
    def name(cls) -> str:
        """Return the extractor's name: that of its file."""
        return cls.__module__.rpartition(".")[2]

    def licences(self) -> set[str]:
        """Return who published the pretrained files, and what they may be used for."""
        known = [assets.ASSETS[name] for name in self.weight_names]
        return {f"{asset.source}: {asset.licence}" for asset in known}

    def spec(self, derived_from: FeatureSpec | None = None) -> FeatureSpec:
        """Return what describes the features.

        Args:
            derived_from: the specification of the faces that they are computed from
        """
        return FeatureSpec(
            extractor=self.name(),
            version=self.version,
            settings=self.settings.model_dump(mode="json"),
            resources={name: file.name for name, file in self.weights.items()},
            derived_from=derived_from,
        )

    def fetch_weights(self, *, quiet: bool = False) -> dict[str, Path]:
        """Return the pretrained files, fetched where they are not on this machine yet.

        Of a network it is the ONNX graph, see `runtime.pretrained_graphs`.

        Args:
            quiet: no progress bar

        Raises:
            AssetError: a file cannot be had, or is not what it should be
        """
        files = {name: assets.get(name, quiet=quiet) for name in self.weight_names}
        return {
            name: pretrained_graphs.get(name, file)
            if pretrained_graphs.find_network(name)
            else file
            for name, file in files.items()
        }

    def with_local_weights(self) -> Self:
        """Return an extractor whose weights are on this machine, such as one of a cluster.

        Raises:
            AssetError: they are not and cannot be fetched
        """
        if all(file.exists() for file in self.weights.values()):
            return self
        return type(self)(self.settings, self.fetch_weights(quiet=True))


class AudioExtractor(Extractor[AudioSettingsT]):
    """Base class for extractors of sound."""

    modality = "audio"

    @abstractmethod
    def extract(self, sound: Sound) -> Arrays:
        """Return the features of a clip, by the names in `dtypes`.

        Args:
            sound: float32 mono [shape=(samples,)] at `settings.sample_rate`

        Raises:
            AssetError: weights are not what they should be
        """


class VisualExtractor(Extractor[SettingsT]):
    """Base class for extractors of the face."""

    modality = "visual"

    @abstractmethod
    def extract(self, faces: Arrays) -> Arrays:
        """Return the features of a clip, by the names in `dtypes`.

        Args:
            faces: the clip's n faces, as `faces.extract` gives them

        Raises:
            AssetError: weights are not what they should be
        """


class ImportedExtractor(Extractor[SettingsT]):
    """Base class for features of the face that another program computed, and avemo reads."""

    modality = "visual"
    #: that computed them
    program: ClassVar[str]

    def spec(self, derived_from: FeatureSpec | None = None) -> FeatureSpec:
        """Return what describes the features: the program, and not where its files lie."""
        spec = super().spec(derived_from)
        return spec.model_copy(update={"settings": {}, "resources": {PROGRAM: self.program}})

    @abstractmethod
    def list_sources(self, path: Path, recordings: pd.DataFrame) -> Listing | None:
        """Return what there is to import; None where nothing is there yet.

        Args:
            path: of a folder or file, `imported` in params.yaml
            recordings: the usable rows of the catalogue

        Raises:
            CorpusError: what is there cannot be used
        """

    @abstractmethod
    def read(self, source: ClipSource) -> Arrays:
        """Return the features of a clip, by the names in `dtypes`.

        Raises:
            MediaError: they cannot be used
        """

    @abstractmethod
    def describe(self, arrays: dict[str, Array]) -> list[str]:
        """Return what to know of the imported clips, a sentence each.

        Args:
            arrays: `NAME_frames` of each performance; None where there is none
        """


def audio_extractors(
    extractors: Mapping[str, Extractor[Strict]],
) -> dict[str, AudioExtractor[AudioSettings]]:
    """Return the extractors of sound among others, by name."""
    return {name: value for name, value in extractors.items() if isinstance(value, AudioExtractor)}


def visual_extractors(
    extractors: Mapping[str, Extractor[Strict]],
) -> dict[str, VisualExtractor[Strict]]:
    """Return the extractors of the face among others, by name."""
    return {name: value for name, value in extractors.items() if isinstance(value, VisualExtractor)}


def imported_extractors(
    extractors: Mapping[str, Extractor[Strict]],
) -> dict[str, ImportedExtractor[Strict]]:
    """Return those among others whose features are imported, by name."""
    return {
        name: value for name, value in extractors.items() if isinstance(value, ImportedExtractor)
    }
