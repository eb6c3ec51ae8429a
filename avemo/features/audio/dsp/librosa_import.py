"""librosa, with what it compiles made by one process alone.

When its parts are first imported on a machine, librosa compiles functions and numba keeps them for
later processes, each in two files. Where several processes do so at once, the two may come from
different ones; then whoever calls the function ends with a segmentation fault, from then on every
time (https://github.com/numba/numba/issues/10128).
"""

import os
import sys
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from ....pretrained import assets

__all__ = ["librosa"]


@lru_cache(maxsize=1)
def librosa() -> ModuleType:
    """The library; the first call on a machine takes 15 s, and others wait for it."""
    import librosa

    done = _mark(librosa)
    if not done.exists():
        from filelock import FileLock

        with FileLock(done.with_suffix(".lock")):
            if not done.exists():  # while this process waited
                import librosa.core.audio
                import librosa.core.pitch
                import librosa.util.utils

                done.touch()
    return librosa


def _mark(librosa: ModuleType) -> Path:
    """The file that says that all is compiled, where numba keeps what it compiled."""
    import numba
    from llvmlite.binding import get_host_cpu_name

    chosen = os.environ.get("NUMBA_CACHE_DIR")
    folder = Path(chosen or Path(librosa.__path__[0], "__pycache__"))
    if not chosen and not os.access(folder, os.W_OK):
        folder = assets.cache_folder()  # numba takes the user's cache, too
    folder.mkdir(parents=True, exist_ok=True)
    versions = f"librosa-{librosa.__version__}-numba-{numba.__version__}"
    python = sys.implementation.cache_tag
    return folder / f"avemo-{versions}-{python}-{get_host_cpu_name()}.compiled"
