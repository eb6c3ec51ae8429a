"""The features that a system takes, by performance; or why there are none."""

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

__all__ = ["Absent", "Clips", "load"]


class Absent(AvemoError):
    """A system cannot be run here; the message says what is missing and where to get it."""


@dataclass(frozen=True)
class Clips:
    """Features by performance.

    Args:
        specs: by extractor, what its features were computed by
        arrays: for each of the system's, of the same performances, each of at least one row
    """

    specs: dict[str, FeatureSpec]
    arrays: dict[str, dict[str, Array]]


def load(project: Project, settings: Settings, system: str) -> Clips:
    """What a system takes.

    Raises:
        Absent: no performance has these features, or they are of another network than the study's
    """
    specs, found = {}, {}
    for name in arrays_of(system):
        folder, extractor = folder_of(project, name), extractor_of(name)
        # a clip may be too short for a single row
        clips = {key: one for key, one in store.load_arrays(folder, name).items() if len(one)}
        spec = store.read_spec(folder)
        if not clips or spec is None:
            raise Absent(f"there are no {extractor} features: {_why(settings, extractor, folder)}")
        _refuse_others(system, extractor, spec)
        specs[extractor], found[name] = spec, clips
    whole = set.intersection(*(set(clips) for clips in found.values()))
    if not whole:
        raise Absent(f"no performance has both {' and '.join(specs)} features")
    arrays = {name: {key: clips[key] for key in sorted(whole)} for name, clips in found.items()}
    return Clips(specs, arrays)


def _why(settings: Settings, extractor: str, folder: Path) -> str:
    if extractor not in settings.extractors:
        return "params.yaml has no line for it under extractors"
    sees = modality_of(extractor) == "visual"
    again = f"dvc repro --force --single-item {'visual' if sees else 'audio'}-features"
    extractor_type = extractor_class(extractor)
    if any(name not in assets.ASSETS for name in extractor_type.weight_names):
        try:
            extractor_type(settings.extractors[extractor]).fetch_weights(quiet=True)
        except AssetError as error:
            return f"{error}; then {again}"
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
                    f"folder that {assets.MIRROR} names, then {again}"
                )
    if not folder.exists():
        return f"they were not made yet; {again}"
    return "no recording has a face" if sees else "no recording has sound"


def _refuse_others(system: str, extractor: str, spec: FeatureSpec) -> None:
    """Stop where an extractor's settings are not those that make the system what it is."""
    for key, value in SYSTEMS[system].settings.get(extractor, {}).items():
        actual = spec.settings[key]
        if actual != value:
            raise Absent(
                f"the {extractor} features are made with {key} {actual}, and it takes {value}: set "
                f"extractors.{extractor}.{key} in params.yaml"
            )
