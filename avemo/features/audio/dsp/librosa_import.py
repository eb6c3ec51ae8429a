"""librosa, whose functions one process alone compiles.

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

from ....cache import writable_cache_folder

__all__ = ["import_librosa"]


@lru_cache(maxsize=1)
def import_librosa() -> ModuleType:
    """Return the library. The first call on a machine takes 15 s, and others wait for it."""
    import librosa

    marker = _marker(librosa)
    if not marker.exists():
        from filelock import FileLock

        with FileLock(marker.with_suffix(".lock")):
            if not marker.exists():  # while this process waited
                import librosa.core.audio
                import librosa.core.pitch
                import librosa.util.utils

                marker.touch()
    return librosa


def _marker(librosa: ModuleType) -> Path:
    """Return the file that says that all is compiled, in the folder of numba's cache."""
    import numba
    from llvmlite.binding import get_host_cpu_name

    configured = os.environ.get("NUMBA_CACHE_DIR")
    folder = Path(configured or Path(librosa.__path__[0], "__pycache__"))
    if not configured and not os.access(folder, os.W_OK):
        folder = writable_cache_folder() / "numba"
        # for this process, and for those that it starts
        os.environ["NUMBA_CACHE_DIR"] = str(folder)
        numba.config.reload_config()  # type: ignore[no-untyped-call]
    folder.mkdir(parents=True, exist_ok=True)
    versions = f"librosa-{librosa.__version__}-numba-{numba.__version__}"
    python = sys.implementation.cache_tag
    return folder / f"avemo-{versions}-{python}-{get_host_cpu_name()}.compiled"
