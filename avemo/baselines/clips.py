"""The features that a system takes, by performance; or why there are none."""

from dataclasses import dataclass
from pathlib import Path

from ..datasets import folder_of
from ..errors import AssetError, AvemoError
from ..features import store
from ..features.names import extractor_of, modality_of
from ..features.registry import module, pretrained, weights_of
from ..features.store import Array
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
        descriptions: by extractor, what its features were made with
        arrays: for each of the system's, of the same performances, each of at least one row
    """

    descriptions: dict[str, store.Description]
    arrays: dict[str, dict[str, Array]]


def load(project: Project, settings: Settings, system: str) -> Clips:
    """What a system takes.

    Raises:
        Absent: no performance has these features, or they are of another network than the study's
    """
    descriptions, found = {}, {}
    for name in arrays_of(system):
        folder, extractor = folder_of(project, name), extractor_of(name)
        # a clip may be too short for a single row
        clips = {key: one for key, one in store.arrays(folder, name).items() if len(one)}
        described = store.description(folder)
        if not clips or described is None:
            raise Absent(f"there are no {extractor} features: {_why(settings, extractor, folder)}")
        _refuse_others(system, extractor, described)
        descriptions[extractor], found[name] = described, clips
    whole = set.intersection(*(set(clips) for clips in found.values()))
    if not whole:
        raise Absent(f"no performance has both {' and '.join(descriptions)} features")
    arrays = {name: {key: clips[key] for key in sorted(whole)} for name, clips in found.items()}
    return Clips(descriptions, arrays)


def _why(settings: Settings, extractor: str, folder: Path) -> str:
    if extractor not in settings.extractors:
        return "params.yaml has no line for it under extractors"
    sees = modality_of(extractor) == "visual"
    again = f"dvc repro --force --single-item {'visual' if sees else 'audio'}-features"
    if hasattr(module(extractor), "fetch"):
        try:
            pretrained(extractor, settings.extractors[extractor], quiet=True)
        except AssetError as error:
            return f"{error}; then {again}"
    else:
        for name in weights_of(extractor):
            try:
                missing = assets.find(name) is None
            except AssetError as error:
                return str(error)
            if missing:
                one = assets.ASSETS[name]
                return (
                    f"{one.files[0].name} is missing, which is at {one.url}; put it into a folder "
                    f"that {assets.MIRROR} names, then {again}"
                )
    if not folder.exists():
        return f"they were not made yet; {again}"
    return "no recording has a face" if sees else "no recording has sound"


def _refuse_others(system: str, extractor: str, described: store.Description) -> None:
    """Stop where an extractor's settings are not those that make the system what it is."""
    for key, value in SYSTEMS[system].settings.get(extractor, {}).items():
        made = described["settings"][key]
        if made != value:
            raise Absent(
                f"the {extractor} features are made with {key} {made}, and it takes {value}: set "
                f"extractors.{extractor}.{key} in params.yaml"
            )
