"""Run the benchmarks: `make bench`, or `python -m benchmarks [NAME ...]`.

Each measures its two sides in turn, in one run on one machine, and gives the ratio. The results go
to benchmarks/results.json and docs/benchmarks.md, with the machine. Packages that they compare with
and that the project does not need are installed in the user's cache.
"""

import argparse
import logging
import os
import platform
import subprocess
import tempfile
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from avemo.commands import run_command
from avemo.errors import AvemoError
from avemo.io import atomic_write
from avemo.templates import render

from .measuring import Options
from .results import Benchmark, BenchmarkResults, Machine

ROOT = Path(__file__).parents[1]
NAMES = (
    "audio",
    "detectors",
    "expressions",
    "faces",
    "features",
    "following",
    "http",
    "incremental",
    "memory",
    "serving",
    "shadow",
    "timelines",
    "whisper",
)
RESULTS = ROOT / "benchmarks" / "results.json"
PAGE = ROOT / "docs" / "benchmarks.md"
PACKAGES = ("av", "insightface", "librosa", "numpy", "onnxruntime", "opencv-python", "soxr")

log = logging.getLogger(__name__)


def main() -> int:
    """Run the named benchmarks, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument(
        "--recordings",
        type=Path,
        default=os.environ.get("RECORDINGS"),
        help="a folder of RAVDESS files; by default a sample corpus is made",
    )
    parser.add_argument(
        "--before",
        type=Path,
        default=os.environ.get("BEFORE"),
        help="serving: the folder of an older fused version, which the champion is compared with",
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(NAMES):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    options = Options(arguments.recordings, arguments.before)
    machine = _describe_machine()
    benchmarks = dict(BenchmarkResults.read(RESULTS).benchmarks) if RESULTS.exists() else {}
    code = 0
    for name in arguments.names or NAMES:
        log.info("benchmark %s", name)
        try:
            benchmarks[name] = _run_benchmark(name, options)
        except AvemoError as error:
            log.error("%s is not run: %s", name, error)
            code = 1
            continue
        for row in benchmarks[name].comparisons:
            ratio = "-" if row.ratio is None else f"{row.ratio:.3g}"
            log.info("  %s: %s, other %s, ratio %s", row.what, row.ours, row.other, ratio)
        ordered = {name: benchmarks[name] for name in NAMES if name in benchmarks}
        BenchmarkResults(machine=machine, benchmarks=ordered).write(RESULTS)
        page = render("benchmarks", "benchmarks.md.j2", machine=machine, benchmarks=ordered)
        with atomic_write(PAGE) as beside:
            beside.write_text(page, encoding="utf-8")
        log.info("%s and %s are written", PAGE.relative_to(ROOT), RESULTS.relative_to(ROOT))
    return code


def _run_benchmark(name: str, options: Options) -> Benchmark:
    with tempfile.TemporaryDirectory(prefix="avemo-bench-") as scratch:
        module = import_module(f".{name}", __package__)
        result: Benchmark = module.run(Path(scratch), options)
    return result


def _describe_machine() -> Machine:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if platform.system() == "Linux" else []
    models = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    commit = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True
    )
    return Machine(
        processor=models[0] if models else platform.processor(),
        cores=len(os.sched_getaffinity(0)),
        system=platform.system(),
        python=platform.python_version(),
        commit=commit.stdout.strip(),
        packages={name: version(name) for name in PACKAGES if _is_installed(name)},
    )


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


if __name__ == "__main__":
    raise SystemExit(run_command(main))
