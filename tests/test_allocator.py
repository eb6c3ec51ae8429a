"""Memory that was freed is kept, so that no page is fetched twice."""

import subprocess
import sys

import pytest

_COUNT_FAULTS = """
import resource, sys, threading
import numpy as np
from avemo.allocator import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
def allocate():
    for _ in range(50):
        arrays = [np.ones(1 << 20) for _ in range(4)]
thread = threading.Thread(target=allocate)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
thread.start()
thread.join()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def count_page_faults(mode: str) -> int:
    command = [sys.executable, "-c", _COUNT_FAULTS, mode]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="a setting of glibc")
@pytest.mark.slow
def test_fewer_page_faults() -> None:
    assert count_page_faults("kept") < count_page_faults("returned") / 2
