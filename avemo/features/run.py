"""Several extractors over one clip, whose sound is decoded once, and whose faces are found once."""

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Generic, TypeVar

from ..media.clip import Clip, Media
from ..media.sound import check_sound
from .arrays import Arrays, Sound
from .extractor import AudioExtractor, AudioSettings, Extractor, VisualExtractor

if TYPE_CHECKING:
    from ..schema import Strict
    from .store import RowRef

__all__ = ["Extraction", "extract_audio", "extract_visual", "extract_visual_row"]

SourceT = TypeVar("SourceT")
ExtractorT = TypeVar("ExtractorT", bound="Extractor[Strict]")


def extract_audio(
    media: Media,
    extractors: Mapping[str, AudioExtractor[AudioSettings]],
    limits: Mapping[str, float] | None = None,
) -> dict[str, Arrays]:
    """Return the audio features of a recording, by extractor.

    Args:
        media: an audio or video file, or its content
        extractors: by name
        limits: refuse what no emotion can be heard in, see `media.sound.check_sound`

    Raises:
        MediaError: the sound cannot be used
        AssetError: weights are not what they should be
    """
    sounds: dict[int, Sound] = {}
    features = {}
    with Clip.of(media) as clip:
        for name, extractor in extractors.items():
            rate = extractor.settings.sample_rate
            if rate not in sounds:
                sounds[rate] = clip.sound(rate)
                if limits:
                    check_sound(sounds[rate], rate, **limits)
            features[name] = extractor.extract(sounds[rate])
    return features


def extract_visual(
    faces: Arrays, extractors: Mapping[str, "VisualExtractor[Strict]"]
) -> dict[str, Arrays]:
    """Return the visual features of a clip, by extractor.

    Args:
        faces: the clip's, as `faces.extract` gives them
        extractors: by name

    Raises:
        AssetError: weights are not what they should be
    """
    return {name: extractor.extract(faces) for name, extractor in extractors.items()}


def extract_visual_row(
    row: "RowRef", extractors: Mapping[str, "VisualExtractor[Strict]"]
) -> dict[str, Arrays]:
    """Return the visual features of stored faces, by extractor; see `extract_visual`."""
    from . import store  # workers for sound do without pandas

    return extract_visual(store.load_row(row), extractors)


class Extraction(Generic[SourceT, ExtractorT]):
    """What `store.update` calls for each source, in this process or in another.

    Args:
        extract: `extract_audio` or `extract_visual_row`
        extractors: by name; a machine of a cluster that lacks the weights fetches its own
    """

    def __init__(
        self,
        extract: Callable[[SourceT, Mapping[str, ExtractorT]], dict[str, Arrays]],
        extractors: Mapping[str, ExtractorT],
    ) -> None:
        self._extract = extract
        self._extractors = dict(extractors)

    def __call__(self, source: SourceT, names: Collection[str]) -> dict[str, Arrays]:
        """Return the features of a source, by extractor.

        Args:
            source: a recording, or a row of stored faces
            names: of the extractors that are to run

        Raises:
            MediaError: the source cannot be used
            AssetError: weights are not on this machine and cannot be fetched
        """
        local = {name: self._extractors[name].with_local_weights() for name in names}
        return self._extract(source, local)
