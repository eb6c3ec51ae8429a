"""Run a command, and write its processor time and peak memory to a file as JSON.

A process of its own, and a small one: Linux counts the memory of the process that starts a command
as the command's.
"""

import json
import resource
import subprocess
import sys
from pathlib import Path


def main(target: str, *command: str) -> int:
    """Return the command's exit code."""
    code = subprocess.call(command)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures = {
        "processor_s": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
    }
    Path(target).write_text(json.dumps(figures), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
