"""Suffixes of the media files that avemo reads."""

__all__ = ["FILM_SUFFIXES", "MEDIA_SUFFIXES", "SOUND_SUFFIXES"]

_SOUND = (
    "wav wave flac mp3 ogg oga opus m4a aac alac ac3 eac3 wma aif aiff aifc caf amr au spx w64 mka"
)
_FILMS = "mp4 m4v mov mkv webm avi mpg mpeg ts mts m2ts 3gp wmv flv ogv vob dv"

SOUND_SUFFIXES = frozenset(f".{suffix}" for suffix in _SOUND.split())
FILM_SUFFIXES = frozenset(f".{suffix}" for suffix in _FILMS.split())
#: of the files in a folder that are clips; a file that is named by itself may have any other
MEDIA_SUFFIXES = SOUND_SUFFIXES | FILM_SUFFIXES
