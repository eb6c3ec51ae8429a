"""What the stages of features and of expression share: which extractors there are to be run."""

import logging
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

from avemo.modalities import Unimodal
from avemo.paths import Project
from avemo.settings import Settings

log = logging.getLogger(__name__)

AGAIN = "Then type `dvc repro --force --single-item {stage}`: DVC does not watch weights"


def available(
    settings: Settings, modality: Unimodal, stage: str
) -> tuple[dict[str, Any], dict[str, Path]]:
    """The extractors whose weights can be had, and these; for each of the others a line."""
    from avemo.errors import AssetError
    from avemo.features.registry import module, pretrained

    extractors: dict[str, Any] = {}
    weights: dict[str, Path] = {}
    for name, chosen in settings.extractors_of(modality).items():
        try:
            files = pretrained(name, chosen)
            if check := getattr(module(name), "check", None):
                check(files)
        except AssetError as error:
            log.info(f"{name}: left out: {error}. {AGAIN.format(stage=stage)}")
        else:
            extractors[name] = chosen
            weights |= files
    return extractors, weights


def drop_others(project: Project, modality: str, names: Collection[str]) -> None:
    """Remove what is of no extractor that was run: one that is not wanted, or left out."""
    everything = project.features(modality, "")
    everything.mkdir(parents=True, exist_ok=True)
    for folder in everything.iterdir():
        if folder.name not in names:
            shutil.rmtree(folder)
