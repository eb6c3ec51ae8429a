"""The features that a system takes, by performance; or why there are none."""

from dataclasses import dataclass
from importlib import import_module

from .. import assets
from ..errors import AssetError, AvemoError
from ..features import store
from ..project import Project
from ..settings import Settings
from .learners import Array
from .published import SYSTEMS
from .variants import of

__all__ = ["Absent", "Clips", "load"]


class Absent(AvemoError):
    """A system cannot be run here; the message says what is missing and where to get it."""


@dataclass(frozen=True)
class Clips:
    """Features by performance.

    Args:
        extractor: whose they are
        description: what they were made with
        arrays: for each of the system's, of the same performances, each of at least one row
    """

    extractor: str
    description: store.Description
    arrays: dict[str, dict[str, Array]]


def load(project: Project, settings: Settings, system: str) -> Clips:
    """What a system takes.

    Raises:
        Absent: no performance has these features
    """
    extractor = SYSTEMS[system].extractor
    folder = project.features("audio", extractor)
    found = {name: store.arrays(folder, name) for name in {one.array for one in of(system)}}
    first = next(iter(found.values()))
    # a clip may be too short for a single row
    whole = [key for key in first if all(len(clips[key]) for clips in found.values())]
    described = store.description(folder)
    if not whole or described is None:
        raise Absent(f"there are no {extractor} features: {_why(settings, extractor)}")
    arrays = {name: {key: clips[key] for key in whole} for name, clips in sorted(found.items())}
    return Clips(extractor, described, arrays)


def _why(settings: Settings, extractor: str) -> str:
    if extractor not in settings.extractors:
        return "params.yaml has no line for it under extractors"
    module = import_module(f"..features.{extractor}", __package__)
    for name in getattr(module, "WEIGHTS", ()):
        try:
            missing = assets.find(name) is None
        except AssetError as error:
            return str(error)
        if missing:
            one = assets.ASSETS[name]
            return (
                f"{one.files[0].name} is missing, which is at {one.url}; put it into a folder that "
                f"{assets.MIRROR} names, then dvc repro --force --single-item features"
            )
    return "no recording has sound"
