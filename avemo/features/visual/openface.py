"""Action units as OpenFace 2 measured them: imported, because avemo cannot compute them."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ...errors import MediaError, join_names
from ...schema import Strict
from ..arrays import Array, Arrays
from ..extractor import ImportedExtractor

if TYPE_CHECKING:
    import pandas as pd

    from ..openface.sources import ClipSource, Listing

__all__ = ["OpenFace", "Settings"]


class Settings(Strict):
    """`extractors.openface` in params.yaml; where the files are is said by `imported.openface`."""


class OpenFace(ImportedExtractor[Settings]):
    """Means of 17 intensities and 18 presences."""

    settings_class = Settings
    version = 1
    dtypes: ClassVar = {"openface": "float32", "openface_frames": "float32"}
    program = "OpenFace 2"

    def list_sources(self, path: Path, recordings: "pd.DataFrame") -> "Listing | None":
        """Return what there is to import, see `openface.sources.list_sources`."""
        from ..openface.sources import list_sources

        return list_sources(path, recordings)

    def read(self, source: "ClipSource") -> Arrays:
        """Return the features of a clip.

        Returns:
            `openface`: float32 [shape=(1, 35)], the means of `action_units.ACTION_UNITS`; from a
            clip's CSV also `openface_frames`, see `frames.read_frames`
        """
        from ..openface.action_units import clip_means
        from ..openface.frames import read_frames

        if isinstance(source, MediaError):
            raise source
        return read_frames(source) if isinstance(source, Path) else clip_means(source)

    def describe(self, arrays: dict[str, Array]) -> list[str]:
        """Return what to know of the imported clips: failed frames, and several frame rates."""
        counts = {name: array[0] for name, array in arrays.items() if array is not None}
        poor = sorted(name for name, (frames, counted, _) in counts.items() if counted < frames / 2)
        rates = np.array([rate for _, _, rate in counts.values() if np.isfinite(rate)])
        notes = []
        if poor:
            notes.append(f"the face was lost in most frames of {len(poor)}: {join_names(poor)}")
        if len(rates) and rates.max() > 1.01 * rates.min():
            notes.append(
                f"{rates.min():.4g} to {rates.max():.4g} frames a second; each frame counts alike"
            )
        return notes
