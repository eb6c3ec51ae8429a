"""What the stages of audio and of visual features share."""

import logging
import shutil
from collections.abc import Collection
from typing import TYPE_CHECKING, TypeVar

from avemo.paths import Project
from avemo.settings import Settings

if TYPE_CHECKING:
    from avemo.features.extractor import Extractor
    from avemo.schema import Strict

    ExtractorT = TypeVar("ExtractorT", bound=Extractor[Strict])

_RERUN = "Then type `dvc repro --force --single-item {stage}`: DVC does not watch weights"

log = logging.getLogger(__name__)


def load_extractors(
    settings: Settings, kind: "type[ExtractorT]", stage: str
) -> "dict[str, ExtractorT]":
    """Return the extractors of a modality whose weights can be had; log the others.

    Args:
        kind: `AudioExtractor` or `VisualExtractor`
        stage: the stage's name in dvc.yaml
    """
    from avemo.errors import AssetError
    from avemo.features.registry import extractor_class

    extractors = {}
    for name, own_settings in settings.extractors_of(kind.MODALITY).items():
        extractor = extractor_class(name)(own_settings)
        try:
            extractor = type(extractor)(own_settings, extractor.fetch_weights())
            extractor.check_weights()
        except AssetError as error:
            log.info(f"{name}: left out: {error}. {_RERUN.format(stage=stage)}")
        else:
            assert isinstance(extractor, kind)
            extractors[name] = extractor
    return extractors


def remove_others(project: Project, modality: str, names: Collection[str]) -> None:
    """Remove the features of extractors that were not run."""
    features = project.features(modality, "")
    features.mkdir(parents=True, exist_ok=True)
    for folder in features.iterdir():
        if folder.name not in names:
            shutil.rmtree(folder)
