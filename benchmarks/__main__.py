"""Run the benchmarks: `make bench`, or `python -m benchmarks [NAME ...] [--recordings FOLDER]`.

Each measures its two sides in turn, in one run on one machine, and gives the ratio. The result goes
to benchmarks/results.json and docs/benchmarks.md, with what the machine was.
"""

import argparse
import json
import os
import platform
import subprocess
import tempfile
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from avemo.commands import run_command
from avemo.io import atomic_write

ROOT = Path(__file__).parents[1]
NAMES = ("audio", "faces", "incremental", "memory")
RESULTS = ROOT / "benchmarks" / "results.json"
TABLE = ROOT / "docs" / "benchmarks.md"


def main() -> int:
    """Run the benchmarks that are named; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument(
        "--recordings",
        type=Path,
        default=os.environ.get("RECORDINGS"),
        help="a folder of RAVDESS files; by default a sample corpus is made",
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(NAMES):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results["machine"] = _machine()
    for name in arguments.names or NAMES:
        print(f"bench {name}", flush=True)
        with tempfile.TemporaryDirectory(prefix="avemo-bench-") as scratch:
            found = import_module(f".{name}", __package__).bench(
                Path(scratch), arguments.recordings
            )
        results[name] = found
        for row in found["rows"]:
            print(f"  {row['what']}: {row['ratio']:.3g} ({row['wanted']})", flush=True)
        with atomic_write(RESULTS) as beside:
            beside.write_text(json.dumps(results, indent=1) + "\n")
        with atomic_write(TABLE) as beside:
            beside.write_text(_table(results))
    print(f"bench: {TABLE.relative_to(ROOT)} and {RESULTS.relative_to(ROOT)} are written")
    return 0


def _machine() -> dict[str, Any]:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if platform.system() == "Linux" else []
    models = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    packages = ("av", "insightface", "librosa", "numpy", "onnxruntime", "opencv-python", "soxr")
    installed = {name: version(name) for name in packages if _has(name)}
    commit = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True
    )
    return {
        "processor": models[0] if models else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.system(),
        "python": platform.python_version(),
        "commit": commit.stdout.strip(),
        "packages": installed,
    }


def _has(name: str) -> bool:
    try:
        version(name)
    except ModuleNotFoundError:
        return False
    return True


def _table(results: dict[str, Any]) -> str:
    machine = results["machine"]
    lines = [
        "# Benchmarks",
        "",
        "Made by `make bench`; the figures behind the ratios are in `benchmarks/results.json`.",
        "Both sides of a ratio were measured in turn, in one run, on one machine: "
        f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}.",
        "",
    ]
    for name in NAMES:
        if name not in results:
            continue
        found = results[name]
        lines += [f"## {name.capitalize()}", "", found["about"], ""]
        lines += ["| what | ours | other | ratio | wanted |", "|---|---|---|---|---|"]
        lines += [
            f"| {row['what']} | {row['ours']} | {row['other']} | {row['ratio']:.3g} "
            f"| {row['wanted']} |"
            for row in found["rows"]
        ]
        lines += ["", found["limit"], ""]
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(run_command(main))
