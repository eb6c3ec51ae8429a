"""A model that was just logged, tried in a clean process: it loads, and answers as recorded."""

import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import av
import numpy as np
import pandas as pd

from ..corpus import manifest, soundtrack
from ..errors import AvemoError
from ..evaluation.metrics import PROBABILITIES
from ..paths import Project

__all__ = ["clips", "comparable", "repeated", "some"]

_CLIPS = 3
#: a probability may differ by so much: weights that go into a version may be shortened to 16 bits;
#: and where sound and picture are joined, other frames may be looked at than with their own sound
_TOLERANCE, _TOLERANCE_JOINED = 0.01, 0.05

_SCRIPT = """
import json, sys
from pathlib import Path

import mlflow
import pandas

model = mlflow.pyfunc.load_model(sys.argv[1])
contents = [file.read_bytes() for file in sorted(Path(sys.argv[2]).iterdir())]
rows = pandas.concat([model.input_example, pandas.DataFrame({"media": contents})])
answers = model.predict(rows)
foreign = sorted({name for name in sys.modules if name.partition(".")[0] == "avemo"})
answers = answers.to_dict("records")
Path(sys.argv[3]).write_text(json.dumps({"answers": answers, "foreign": foreign}))
"""


def repeated(
    model_id: str, recorded: pd.DataFrame | None, media: list[bytes], *, joined: bool = False
) -> float:
    """Let a logged model answer for its input example and for clips that it is known to answer.

    Args:
        model_id: of the logged model
        recorded: what it must answer, a row a clip
        media: the clips
        joined: whether sound and picture of the clips come from two files

    Returns:
        the largest difference of a probability to the recorded one

    Raises:
        AvemoError: it does not load, takes code from outside, or answers otherwise
    """
    import mlflow

    outside = ("PYTHONPATH", "AVEMO_ROOT")
    environment = {name: value for name, value in os.environ.items() if name not in outside}
    environment["MLFLOW_TRACKING_URI"] = mlflow.get_tracking_uri()
    with tempfile.TemporaryDirectory() as temporary:
        folder, result = Path(temporary, "clips"), Path(temporary, "result.json")
        folder.mkdir()
        for place, content in enumerate(media):
            (folder / f"{place:03}").write_bytes(content)
        done = subprocess.run(
            [sys.executable, "-c", _SCRIPT, f"models:/{model_id}", str(folder), str(result)],
            cwd=temporary,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise AvemoError(f"the model does not load and answer in a clean process: {last}")
        found = json.loads(result.read_text(encoding="utf-8"))
    if found["foreign"]:
        raise AvemoError(f"the model takes code from outside its version: {found['foreign'][0]}")
    example, *answers = found["answers"]
    for one in (example, *answers):
        if one["finding"]:
            raise AvemoError(
                "in a clean process the model does not answer for its example or a recorded clip: "
                f"{one['finding']}: {one['reason']}"
            )
    return _difference(answers, recorded, _TOLERANCE_JOINED if joined else _TOLERANCE)


def clips(project: Project, modality: str, performances: list[str]) -> list[bytes]:
    """What each performance's features were made from, as one clip a performance.

    Sound and picture that stand in two files are joined, packet by packet as they are.

    Raises:
        AvemoError: a recording is not here
    """
    rows = pd.read_parquet(project.catalogue)
    heard, seen = (
        {row["performance"]: row for _, row in chosen.iterrows()}
        for chosen in (manifest.select_sound_sources(rows), manifest.select_picture_sources(rows))
    )
    found = []
    for one in performances:
        files = []
        if modality != "visual":
            files.append(soundtrack.locate_sound(heard[one], project.raw, project.soundtrack))
        if modality != "audio":
            files.append(project.raw / str(seen[one]["path"]))
        for file in files:
            if not file.is_file():
                name = file.relative_to(project.root)
                raise AvemoError(
                    f"{name} is not here, which the model is tried on: dvc checkout {name.parts[0]}"
                )
        found.append(_film(*files) if len(files) == 2 else files[0].read_bytes())
    return found


def comparable(project: Project, modality: str, recorded: pd.DataFrame) -> pd.DataFrame:
    """The rows whose features one clip gives again.

    What is looked at depends on what is heard with it: a silent film and a recording of its sound
    are not what the two are together.
    """
    if modality != "fused":
        return recorded
    films = manifest.select_picture_sources(pd.read_parquet(project.catalogue))
    with_sound = films.loc[films["has_sound"], "performance"]
    return recorded[recorded["performance"].isin(with_sound)]


def some(recorded: pd.DataFrame) -> pd.DataFrame:
    """A few rows, spread evenly."""
    places = np.linspace(0, len(recorded) - 1, min(_CLIPS, len(recorded))).astype(int)
    return recorded.iloc[places]


def _difference(
    answers: list[dict[str, float]], recorded: pd.DataFrame | None, tolerance: float
) -> float:
    if recorded is None or recorded.empty:
        return 0.0
    columns = list(PROBABILITIES)
    expected = recorded[columns].to_numpy(np.float64)
    apart = np.abs(np.array([[one[name] for name in columns] for one in answers]) - expected)
    row = int(apart.max(axis=1).argmax())
    if not apart.max() <= tolerance:
        raise AvemoError(
            "the model does not repeat its recorded predictions in a clean process: for "
            f"{recorded['performance'].iloc[row]} a probability differs by {apart.max():.3f}, at "
            f"most {tolerance:g} is expected"
        )
    return float(apart.max())


def _film(sound: Path, picture: Path) -> bytes:
    buffer = io.BytesIO()
    with (
        av.open(str(sound)) as heard,
        av.open(str(picture)) as seen,
        av.open(buffer, "w", format="mov") as film,
    ):
        sources = [(seen, seen.streams.video[0]), (heard, heard.streams.audio[0])]
        targets = [film.add_stream_from_template(stream) for _, stream in sources]
        for (source, stream), target in zip(sources, targets, strict=True):
            for packet in source.demux(stream):
                if packet.dts is not None:
                    packet.stream = target
                    film.mux(packet)
    return buffer.getvalue()
