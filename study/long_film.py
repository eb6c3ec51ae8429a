"""What a timeline gains while it adapts to a person: ten minutes of an actor's speech.

The clips of an actor whom the version was not trained on are joined in random order: each take
once, then each again in another order until ten minutes are full. The timeline is computed with and
without `--adapt`, in windows that do not overlap. A window is right if its answer is the emotion of
the clip that fills most of it.

    python study/long_film.py RECORDINGS --actors 1 2   # in a project with a candidate for audio
    python study/long_film.py --table                   # the table again, from the kept answers
"""

import argparse
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from avemo.config import load_settings
from avemo.corpus.adapters import ravdess
from avemo.evaluation import metrics
from avemo.evaluation.bootstrap import Bootstrap, Interval
from avemo.media.sound import read_sound, write_wav
from avemo.paths import find_project
from avemo.tables import read_csv

ROOT = Path(__file__).parents[1]
ANSWERS = ROOT / "results" / "adaptation" / "film.csv"
LENGTH_S = 600
WINDOW_S = 3
_RATE = 16000


@dataclass(frozen=True)
class Film:
    """Clips that follow each other without a gap.

    Args:
        samples: [shape=(samples,)]
        starts: of the clips, in seconds [shape=(clips + 1,)]; the last is the end
        emotions: of the clips
        repeated: which clips are heard for the second or third time
    """

    samples: np.ndarray
    starts: np.ndarray
    emotions: list[str]
    repeated: list[bool]


def join_clips(files: list[Path], seed: int) -> Film:
    """Return ten minutes of clips: all in random order, then again in another."""
    sounds = {file: read_sound(file, _RATE) for file in files}
    random, order, total = np.random.default_rng(seed), [], 0
    while total < LENGTH_S * _RATE:
        for position in random.permutation(len(files)):
            if total < LENGTH_S * _RATE:
                order.append(files[position])
                total += len(sounds[order[-1]])
    lengths = [len(sounds[file]) for file in order]
    return Film(
        np.concatenate([sounds[file] for file in order])[: LENGTH_S * _RATE],
        np.cumsum([0, *lengths]) / _RATE,
        [ravdess.parse(file.name).label for file in order],
        [number >= len(files) for number in range(len(order))],
    )


def predict_timeline(film: Path, folder: Path, model: str, *options: str) -> pd.DataFrame:
    """Return the rows that `avemo predict --timeline` writes."""
    windows = ["--window", str(WINDOW_S), "--hop", str(WINDOW_S)]
    command = ["avemo", "predict", str(film), "--timeline", str(folder), "--model", model, *windows]
    subprocess.run([*command, *options], check=True)
    return read_csv(folder / f"{film.name}.csv", text=("emotion", "finding", "adaptation"))


def compare_timelines(film: Film, actor: int, model: str) -> pd.DataFrame:
    """Return a row a window, with what both timelines answer and what is true."""
    with TemporaryDirectory() as scratch:
        file = Path(scratch, "film.wav")
        write_wav(file, film.samples, _RATE)
        unadapted = predict_timeline(file, Path(scratch, "unadapted"), model)
        adapted = predict_timeline(file, Path(scratch, "adapted"), model, "--adapt")
    # how much of each window each clip fills [shape=(windows, clips)]
    starts, ends = (unadapted[name].to_numpy()[:, None] for name in ("window_start", "window_end"))
    overlap = np.minimum(ends, film.starts[1:]) - np.maximum(starts, film.starts[:-1])
    clips = overlap.argmax(axis=1)
    return pd.DataFrame(
        {
            "actor": actor,
            "start": unadapted["window_start"],
            "true": [film.emotions[clip] for clip in clips],
            "repeated": [film.repeated[clip] for clip in clips],
            "unadapted": unadapted["emotion"],
            "adapted": adapted["emotion"],
            "adaptation": adapted["adaptation"],
        }
    )


def describe(windows: pd.DataFrame, bootstrap: Bootstrap) -> Iterator[str]:
    """Yield the lines of the table; windows without an answer are left out."""
    windows = windows[windows["unadapted"].ne("")]
    for actor, rows in windows.groupby("actor"):
        adapted = rows[rows["adaptation"].ne("")]
        first, last = adapted.iloc[0], adapted.iloc[-1]
        yield f"Actor {actor}: adapted from {first['start']:g} s on, {first['adaptation']}"
        yield f"at the end: {last['adaptation']}; {len(rows) - len(adapted)} windows unadapted"
    yield "| | windows | right, unadapted | right, adapted | difference |"
    yield "|---|---|---|---|---|"
    minutes = windows["start"] // 60 + 1
    parts = {f"minute {minute:.0f}": rows for minute, rows in windows.groupby(minutes)}
    parts["first time heard"] = windows[~windows["repeated"]]
    parts["heard before"] = windows[windows["repeated"]]
    parts["all"] = windows
    for name, rows in parts.items():
        figures = _shares_of_right(rows, bootstrap)
        cells = f"{figures['unadapted']} | {figures['adapted']} | {figures['difference']:+}"
        yield f"| {name} | {len(rows)} | {cells} |"


def _shares_of_right(rows: pd.DataFrame, bootstrap: Bootstrap) -> dict[str, Interval]:
    """Return the share of right windows of both timelines, and its difference; over actors."""
    right = pd.DataFrame(
        {name: rows[name].eq(rows["true"]) for name in ("unadapted", "adapted")}
    ).groupby(rows["actor"])
    sums, counts = right.sum(), right.size().to_numpy()

    def figures(draws: np.ndarray) -> dict[str, np.ndarray]:
        shares = {
            name: metrics.ratio(draws @ sums[name].to_numpy(), draws @ counts)
            for name in ("unadapted", "adapted")
        }
        return shares | {"difference": shares["adapted"] - shares["unadapted"]}

    own = bootstrap.expanded(len(counts))
    return own.intervals(figures, actors=len(counts), performances=len(rows))


def measure(recordings: Path, actors: list[int], model: str, seed: int) -> None:
    """Write the kept answers.

    Raises:
        SystemExit: the version was trained on an actor, or there are no recordings of one
    """
    split = read_csv(find_project().split, text=("part",))
    trained = set(split.loc[split["part"].ne("test"), "actor"].astype(int))
    if learnt := sorted(trained & set(actors)):
        raise SystemExit(f"actors {learnt} are no test actors: the version was trained on them")
    tables = []
    for actor in actors:
        files = sorted(recordings.rglob(f"03-01-*-{actor:02d}.wav"))
        if not files:
            raise SystemExit(f"{recordings} holds no speech of actor {actor} (03-01-*.wav)")
        tables.append(compare_timelines(join_clips(files, seed), actor, model))
    pd.concat(tables).to_csv(ANSWERS, index=False)


def main() -> None:
    """Run the experiment, or print its table again."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("recordings", type=Path, nargs="?", help="RAVDESS's audio-only speech")
    parser.add_argument("--actors", type=int, nargs="+", default=[1], help="of the test part")
    parser.add_argument("--model", default="models:/avemo-audio@candidate")
    parser.add_argument("--table", action="store_true", help="from the kept answers")
    arguments, settings = parser.parse_args(), load_settings(ROOT)
    if arguments.recordings:
        measure(arguments.recordings, arguments.actors, arguments.model, settings.seed)
    elif not arguments.table:
        parser.error("name the folder of the recordings, or --table")
    windows = read_csv(ANSWERS, text=("true", "unadapted", "adapted", "adaptation"))
    for line in describe(windows, Bootstrap.from_settings(settings)):
        print(line)


if __name__ == "__main__":
    main()
