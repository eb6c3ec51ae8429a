"""Several extractors over one clip, whose sound is decoded once, and whose faces are found once."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ..media.clip import Clip, Media
from ..media.sound import check_sound
from .arrays import Arrays, Sound
from .extractor import AudioExtractor, AudioSettings, VisualExtractor

if TYPE_CHECKING:
    from ..schema import Strict

__all__ = ["extract_audio", "extract_from_sound", "extract_visual"]


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
    with Clip.of(media) as clip:
        return extract_from_sound(clip.sound, extractors, limits)


def extract_from_sound(
    read_sound: Callable[[int], Sound],
    extractors: Mapping[str, AudioExtractor[AudioSettings]],
    limits: Mapping[str, float] | None = None,
) -> dict[str, Arrays]:
    """Return the features of a sound, by extractor; see `extract_audio`.

    Args:
        read_sound: from a sample rate in Hz to the sound
        extractors: as `extract_audio` takes them
        limits: as `extract_audio` takes them
    """
    sounds: dict[int, Sound] = {}
    features = {}
    for name, extractor in extractors.items():
        rate = extractor.settings.sample_rate
        if rate not in sounds:
            sounds[rate] = read_sound(rate)
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
