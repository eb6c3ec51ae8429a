"""The features that a system takes, by performance; or why they are missing."""

from dataclasses import dataclass
from pathlib import Path

from ..datasets import folder_of
from ..errors import AssetError, AvemoError
from ..features import store
from ..features.arrays import Array
from ..features.names import extractor_of, modality_of
from ..features.registry import extractor_class
from ..features.spec import FeatureSpec
from ..paths import Project
from ..pretrained import assets
from ..settings import Settings
from .published import SYSTEMS
from .variants import arrays_of

__all__ = ["Clips", "MissingFeatures", "load_clips"]


class MissingFeatures(AvemoError):
    """A system cannot be run here; the message says what is missing and where to get it."""


@dataclass(frozen=True)
class Clips:
    """Features by performance.

    Args:
        specs: by extractor, what its features were computed by
        arrays: by array and performance; all have the same performances, and at least one row
    """

    specs: dict[str, FeatureSpec]
    arrays: dict[str, dict[str, Array]]


def load_clips(project: Project, settings: Settings, system: str) -> Clips:
    """Load the features that a system takes.

    Raises:
        MissingFeatures: no performance has them, or they are of another network than the study's
    """
    specs: dict[str, FeatureSpec] = {}
    arrays: dict[str, dict[str, Array]] = {}
    for name in arrays_of(system):
        folder, extractor = folder_of(project, name), extractor_of(name)
        # a clip may be too short for a single row
        clips = {key: array for key, array in store.load_arrays(folder, name).items() if len(array)}
        spec = store.read_spec(folder)
        if not clips or spec is None:
            reason = _explain_missing(settings, extractor, folder)
            raise MissingFeatures(f"there are no {extractor} features: {reason}")
        _require_settings(system, extractor, spec)
        specs[extractor], arrays[name] = spec, clips
    common = sorted(set.intersection(*(set(clips) for clips in arrays.values())))
    if not common:
        raise MissingFeatures(f"no performance has both {' and '.join(specs)} features")
    return Clips(
        specs, {name: {key: clips[key] for key in common} for name, clips in arrays.items()}
    )


def _explain_missing(settings: Settings, extractor: str, folder: Path) -> str:
    if extractor not in settings.extractors:
        return "params.yaml has no line for it under extractors"
    modality = modality_of(extractor)
    command = f"dvc repro --force --single-item {modality}-features"
    extractor_type = extractor_class(extractor)
    if any(name not in assets.ASSETS for name in extractor_type.weight_names):
        try:
            extractor_type(settings.extractors[extractor]).fetch_weights(quiet=True)
        except AssetError as error:
            return f"{error}; then {command}"
    else:
        for name in extractor_type.weight_names:
            try:
                missing = assets.find(name) is None
            except AssetError as error:
                return str(error)
            if missing:
                asset = assets.ASSETS[name]
                return (
                    f"{asset.files[0].name} is missing, which is at {asset.url}; put it into a "
                    f"folder that {assets.MIRROR} names, then {command}"
                )
    if not folder.exists():
        return f"they have not been computed yet; {command}"
    return "no recording has a face" if modality == "visual" else "no recording has sound"


def _require_settings(system: str, extractor: str, spec: FeatureSpec) -> None:
    """Refuse features of other settings than those that make the system what it is."""
    for key, value in SYSTEMS[system].settings.get(extractor, {}).items():
        actual = spec.settings[key]
        if actual != value:
            raise MissingFeatures(
                f"the {extractor} features are of {key} {actual}, and the system takes {value}: "
                f"set extractors.{extractor}.{key} in params.yaml"
            )
