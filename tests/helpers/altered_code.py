"""Changes of the code that a registered version answers by, see `register_version(alter=...)`."""

from collections.abc import Callable
from pathlib import Path

__all__ = ["append_code", "slow_down"]

_SLOW = """

_predict = Recogniser.predict


def _slowly(self, media, **more):
    import time

    time.sleep({seconds})
    return _predict(self, media, **more)


Recogniser.predict = _slowly
"""


def append_code(code: str) -> Callable[[Path, Path], None]:
    """Return what appends code to a version's own recogniser."""

    def alter(package: Path, files: Path) -> None:
        with (package / "inference" / "recogniser.py").open("a") as module:
            module.write(code)

    return alter


def slow_down(seconds: str) -> Callable[[Path, Path], None]:
    """Return what lets a version take longer for each clip.

    Args:
        seconds: by how much, a Python expression of the clip, `media`
    """
    return append_code(_SLOW.format(seconds=seconds))
