"""What the stages of audio and of visual features share."""

import logging
import shutil
from collections.abc import Collection
from typing import TYPE_CHECKING

from avemo.modalities import Unimodal
from avemo.paths import Project
from avemo.settings import Settings

if TYPE_CHECKING:
    from avemo.features.extractor import Extractor
    from avemo.schema import Strict

log = logging.getLogger(__name__)


def load_extractors(
    settings: Settings, modality: Unimodal, *, with_weights: bool = True
) -> "dict[str, Extractor[Strict]]":
    """Return the extractors of a modality whose weights can be had, by name; log the others.

    Args:
        settings: with the extractors' own
        modality: of the extractors
        with_weights: whether those that need weights are among them; where nothing is to be
            computed, none are fetched
    """
    from avemo.errors import AssetError
    from avemo.features.registry import extractor_class

    extractors = {}
    for name, own_settings in settings.extractors_of(modality).items():
        create = extractor_class(name)
        if create.weight_names and not with_weights:
            continue
        try:
            extractor = create(own_settings, create(own_settings).fetch_weights())
        except AssetError as error:
            log.info(
                f"{name}: left out: {error}. Then type `dvc repro --force --single-item "
                f"{modality}-features`: DVC does not watch weights"
            )
        else:
            extractors[name] = extractor
    return extractors


def remove_others(project: Project, modality: Unimodal, names: Collection[str]) -> None:
    """Remove the features of extractors that were not run."""
    features = project.features(modality, "")
    features.mkdir(parents=True, exist_ok=True)
    for folder in features.iterdir():
        if folder.name not in names:
            shutil.rmtree(folder)
