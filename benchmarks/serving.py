"""A registered version's first prediction and the next, against an older version's."""

import shutil
import sys
from pathlib import Path
from statistics import median

from avemo.errors import AvemoError
from avemo.paths import ROOT, find_project
from avemo.tracking import integrity, store

from .environments import ChildResult, InstallError, installed_bytes, make_environment, run_child
from .measuring import Options, find_recordings
from .results import Benchmark, compare

ROUNDS = 3
NEXT_FILMS = 4
CHAMPION = "models:/avemo-fused@champion"
PROJECT = Path(__file__).parents[1]
_SCRIPT = Path(__file__).parent / "comparators" / "predict.py"


class _Version:
    """A registered version, in the environment that its requirements make.

    Args:
        folder: the MLflow model's

    Raises:
        InstallError: its requirements cannot be installed
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = make_environment(folder / "requirements.txt")

    @property
    def installed_mb(self) -> float:
        """The size of the packages."""
        return installed_bytes(self._environment) / 1e6

    def predict(self, films: list[Path]) -> ChildResult:
        """Predict films in a new process, one after the other."""
        return run_child(self._environment / "bin" / "python", _SCRIPT, self._folder, *films)


def run(scratch: Path, options: Options) -> Benchmark:
    """Start new processes of both versions in turn."""
    films, source = find_recordings(scratch, options.recordings, ".mp4")
    films = [film for film in films if film.name.startswith("01-")][: NEXT_FILMS + 1]
    versions = {"ours": _Version(_copy_version(options.after, scratch / "after"))}
    absent = "name an older version's folder with --before"
    if options.before:
        try:
            versions["other"] = _Version(_copy_version(options.before, scratch / "before"))
        except InstallError as error:
            absent = str(error)
    first: dict[str, list[ChildResult]] = {side: [] for side in versions}
    next_s: dict[str, list[float]] = {side: [] for side in versions}
    commands = []
    for version in versions.values():
        version.predict(films[:1])  # compiles its code, and brings its files into memory
    for _ in range(ROUNDS):
        for side, version in versions.items():
            first[side].append(version.predict(films[:1]))
            next_s[side].append(median(version.predict(films).output["film_s"][1:]))
        commands.append(_run_command(films[0]))

    first_s = {side: [child.processor_s for child in first[side]] for side in versions}
    peak_mb = {side: [child.peak_mb for child in first[side]] for side in versions}
    size_mb = {side: [version.installed_mb] for side, version in versions.items()}
    return Benchmark(
        about=f"The fused version's prediction of a film of 720p with sound ({source}), by "
        "`mlflow.pyfunc.load_model` in the environment that its requirements make, in processor "
        "time of all threads. Other: the same version of avemo before it did without TensorFlow "
        "(7a6ea4d), with the same pretrained networks.",
        comparisons=[
            compare(
                "first prediction of a new process",
                first_s["ours"],
                first_s.get("other", absent),
                figure="{:.2f} s",
                target="at most 1/5, ours at most 5 s",
            ),
            compare(
                "the same by `avemo predict`",
                [child.processor_s for child in commands],
                first_s.get("other", absent),
                figure="{:.2f} s",
                target="at most 1/5, ours at most 5 s",
            ),
            compare(
                "peak memory of the first prediction",
                peak_mb["ours"],
                peak_mb.get("other", absent),
                figure="{:.0f} MB",
                target="at most 1/3, ours under 350 MB",
            ),
            compare(
                "peak memory of `avemo predict`",
                [child.peak_mb for child in commands],
                peak_mb.get("other", absent),
                figure="{:.0f} MB",
                target="at most 1/3, ours under 350 MB",
            ),
            compare(
                "packages installed to serve it",
                size_mb["ours"],
                size_mb.get("other", absent),
                figure="{:.0f} MB",
                target="at most 1/5",
            ),
            compare(
                "the next film, models loaded",
                next_s["ours"],
                next_s.get("other", absent),
                figure="{:.2f} s",
                target="at most 0.6",
            ),
        ],
        limit="",
    )


def _copy_version(folder: Path | None, target: Path) -> Path:
    """Copy a version's files, so that nothing is written where it is registered.

    Raises:
        AvemoError: there is no such version, or its files were changed
    """
    if folder:
        if not (folder / "requirements.txt").is_file():
            raise AvemoError(f"{folder} is no MLflow model: name the folder that has its MLmodel")
        return Path(shutil.copytree(folder, target))
    store.connect(find_project(), spool=False)
    with integrity.open_verified(CHAMPION) as verified:
        return Path(shutil.copytree(verified, target))


def _run_command(film: Path) -> ChildResult:
    """Run `avemo predict` on a film in a new process of this environment."""
    command = "from avemo.cli import main; raise SystemExit(main())"
    variables = {ROOT: str(PROJECT), "PYTHONPATH": str(PROJECT)}
    return run_child(Path(sys.executable), "-c", command, "predict", "--json", film, **variables)
