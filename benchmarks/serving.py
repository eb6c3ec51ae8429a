"""The champion's first prediction and the next, against an older version's."""

import shutil
import sys
from pathlib import Path
from statistics import median

from avemo import threads
from avemo.config import load_settings
from avemo.errors import AvemoError
from avemo.media.sound import read_sound
from avemo.paths import ROOT, find_project
from avemo.tracking import integrity, store

from .environments import ChildResult, InstallError, installed_bytes, make_environment, run_child
from .expressions import ExpressionReader, describe_expressions
from .features import load_extractors
from .measuring import Options, find_recordings, processor_s
from .results import Benchmark, Comparison, compare

ROUNDS = 3
NEXT_FILMS = 4
CHAMPION = "models:/avemo-fused@champion"
_CHECKOUT = Path(__file__).parents[1]
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
        self.installed_mb = installed_bytes(self._environment) / 1e6

    def predict(self, films: list[Path]) -> ChildResult:
        """Predict films in a new process, one after the other."""
        return run_child(self._environment / "bin" / "python", _SCRIPT, self._folder, *films)


def run(scratch: Path, options: Options) -> Benchmark:
    """Start new processes of both versions in turn."""
    films, source = find_recordings(scratch, options.recordings, ".mp4")
    films = [film for film in films if film.name.startswith("01-")][: NEXT_FILMS + 1]
    versions = {"ours": _Version(_copy_champion(scratch / "ours"))}
    absent = "name an older version's folder with --before"
    if options.before:
        try:
            versions["other"] = _Version(copy_version(options.before, scratch / "other"))
        except InstallError as error:
            absent = str(error)
    first: dict[str, list[ChildResult]] = {side: [] for side in (*versions, "command")}
    several: dict[str, list[ChildResult]] = {side: [] for side in versions}
    for version in versions.values():
        version.predict(films[:1])  # compiles its code, and brings its files into memory
    for _ in range(ROUNDS):
        for side, version in versions.items():
            first[side].append(version.predict(films[:1]))
            several[side].append(version.predict(films))
        first["command"].append(_run_command(films[0]))

    first_s = {side: [child.processor_s for child in first[side]] for side in first}
    peak_mb = {side: [child.peak_mb for child in first[side]] for side in first}
    next_s = {side: [median(it.output["film_s"][1:]) for it in several[side]] for side in several}
    size_mb = {side: [version.installed_mb] for side, version in versions.items()}

    def row(
        what: str, side: str, figures: dict[str, list[float]], figure: str, target: str
    ) -> Comparison:
        other = figures.get("other", absent)
        return compare(what, figures[side], other, figure=figure, target=target)

    first_target, peak_target = "at most 1/5, ours at most 5 s", "at most 1/3, ours under 350 MB"
    return Benchmark(
        about=f"The champion's prediction of a film of 720p with sound ({source}), by "
        "`mlflow.pyfunc.load_model` in the environment that its requirements make, in processor "
        "time of all threads; `avemo predict` runs in the project's environment. Other: the same "
        "by the version of before, which needs TensorFlow (commit 7a6ea4d), with the same settings "
        "and pretrained networks, and the detector that `auto` took then, SCRFD-500M.",
        comparisons=[
            row("first prediction of a new process", "ours", first_s, "{:.2f} s", first_target),
            row("a new process of `avemo predict`", "command", first_s, "{:.2f} s", first_target),
            row("peak memory of the first prediction", "ours", peak_mb, "{:.0f} MB", peak_target),
            row("peak memory of `avemo predict`", "command", peak_mb, "{:.0f} MB", peak_target),
            row("packages to install", "ours", size_mb, "{:.0f} MB", "at most 1/5"),
            row("the next film, models loaded", "ours", next_s, "{:.3f} s", "at most 0.6"),
        ],
        limit=_describe_first(first["ours"]) + " " + describe_next(films, median(next_s["ours"])),
    )


def _describe_first(results: list[ChildResult]) -> str:
    """Return how the time of the first prediction is spent."""
    outputs = [result.output for result in results]
    imports_s, load_s = (median(it[name] for it in outputs) for name in ("imports_s", "load_s"))
    film_s = median(it["film_s"][0] for it in outputs)
    return (
        f"The first prediction: {imports_s:.2f} s to start Python and import MLflow and pandas, "
        f"{load_s:.2f} s to load the version, {film_s:.2f} s to predict."
    )


def describe_next(films: list[Path], film_s: float) -> str:
    """Return how the time of the next film is spent."""
    settings = load_settings(_CHECKOUT)
    reader = ExpressionReader(settings)
    whisper = load_extractors(settings)[0]["whisper"]
    sounds = [read_sound(film, whisper.settings.sample_rate) for film in films]
    with threads.single_threaded():
        reader.read(films[0])
        whisper.extract(sounds[0])
        read_s = processor_s(reader.read, films)
        whisper_s = processor_s(whisper.extract, sounds)
        faces = describe_expressions(films, reader)
    return (
        f"The next film: {1000 * film_s:.0f} ms, of which {1000 * read_s:.0f} for the faces and "
        f"their expressions, {1000 * whisper_s:.0f} for Whisper. {faces}"
    )


def _copy_champion(target: Path) -> Path:
    """Copy the champion's files, so that nothing is written where it is registered.

    Raises:
        AvemoError: there is none, or its files were changed
    """
    store.connect(find_project(), spool=False)
    if not integrity.find_version(CHAMPION):
        raise AvemoError(f"there is no {CHAMPION} to measure: run `dvc repro`")
    with integrity.open_verified(CHAMPION) as folder:
        return copy_version(folder, target)


def copy_version(folder: Path, target: Path) -> Path:
    """Copy a version's files.

    Raises:
        AvemoError: there is no version
    """
    if not (folder / "requirements.txt").is_file():
        raise AvemoError(f"{folder} is no MLflow model: name the folder that holds its MLmodel")
    return Path(shutil.copytree(folder, target))


def _run_command(film: Path) -> ChildResult:
    """Run `avemo predict` on a film in a new process of this environment."""
    command = "from avemo.cli import main; raise SystemExit(main())"
    variables = {ROOT: str(find_project().root), "PYTHONPATH": str(_CHECKOUT)}
    return run_child(Path(sys.executable), "-c", command, "predict", "--json", film, **variables)
