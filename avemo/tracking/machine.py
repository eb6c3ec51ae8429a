"""The machine and the packages that a run ran on."""

import os
import platform
import sys
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

__all__ = ["machine", "packages"]

#: what makes TensorFlow share a sum out differently, and so may change its last bits
_THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


@cache
def packages() -> dict[str, str]:
    """The version of each installed package."""
    named = [(one.metadata["Name"], one.version) for one in distributions()]
    found = {name.lower(): version for name, version in named if name}
    return dict(sorted(found.items()))


def machine() -> dict[str, Any]:
    """Processor, cores, memory, system, Python, threads and what else computes."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": platform.platform(),
        "python": platform.python_version(),
        "threads": {name: os.environ[name] for name in _THREADS if name in os.environ},
        "gpus": _gpus(),
    }


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []
    models = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


def _gpus() -> list[str]:
    """Those that TensorFlow sees; a run that has not loaded it does not compute on any."""
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None:
        return []
    return [one.name for one in tensorflow.config.list_physical_devices("GPU")]
