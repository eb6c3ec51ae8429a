"""The machine and the packages that a run ran on."""

import os
import platform
import sys
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Self

from ..schema import Value

__all__ = ["Machine", "installed_packages"]

#: what makes TensorFlow share a sum out differently, and so may change its last bits
_THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


class Machine(Value):
    """The machine that a run ran on.

    Args:
        processor: its model
        cores: how many
        memory_bytes: of the whole machine
        system: operating system and its version
        python: its version
        threads: the variables that limit threads, where they are set
        gpus: those that TensorFlow sees
    """

    processor: str
    cores: int
    memory_bytes: int
    system: str
    python: str
    threads: dict[str, str]
    gpus: list[str]

    @classmethod
    def current(cls) -> Self:
        """Return this machine."""
        return cls(
            processor=_processor(),
            cores=os.cpu_count() or 1,
            memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            system=platform.platform(),
            python=platform.python_version(),
            threads={name: os.environ[name] for name in _THREADS if name in os.environ},
            gpus=_gpus(),
        )


@cache
def installed_packages() -> dict[str, str]:
    """Return the version of each installed package, by its name in lower case."""
    named = [(package.metadata["Name"], package.version) for package in distributions()]
    return dict(sorted((name.lower(), version) for name, version in named if name))


def _processor() -> str:
    cpu_info = Path("/proc/cpuinfo")
    lines = cpu_info.read_text(encoding="utf-8").splitlines() if cpu_info.exists() else []
    models = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


def _gpus() -> list[str]:
    """Return those that TensorFlow sees; a run that has not loaded it does not compute on any."""
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None:
        return []
    return [device.name for device in tensorflow.config.list_physical_devices("GPU")]
