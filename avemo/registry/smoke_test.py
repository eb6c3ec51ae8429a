"""A model that was just logged, tried in a clean process: it loads, and answers as recorded."""

import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import av
import numpy as np
import pandas as pd

from ..corpus import manifest, soundtrack
from ..errors import AvemoError, last_line
from ..evaluation import metrics
from ..modalities import Modality
from ..paths import Project

__all__ = ["check_reproduces", "performance_clips", "reproducible_rows", "sample_rows"]

_ROWS = 3
#: a probability may differ by so much: weights that go into a version may be shortened to 16 bits;
#: and where sound and picture are joined, other frames may be used than with their own sound
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
outside = sorted({name for name in sys.modules if name.partition(".")[0] == "avemo"})
answers = answers.to_dict("records")
Path(sys.argv[3]).write_text(json.dumps({"answers": answers, "outside": outside}))
"""


class _Output(TypedDict):
    """What the clean process writes: the answers, and modules from outside the version."""

    answers: list[dict[str, str | float]]
    outside: list[str]


def check_reproduces(
    model_id: str, recorded: pd.DataFrame | None, clips: Sequence[bytes], *, joined: bool = False
) -> float:
    """Let a logged model answer for its input example and for clips, in a clean process.

    Args:
        model_id: of the logged model
        recorded: its recorded predictions, a row a clip; None where there are none
        clips: the content of each
        joined: whether sound and picture of the clips come from two files

    Returns:
        the largest difference of a probability from the recorded one

    Raises:
        AvemoError: it does not load, imports code from outside, or answers otherwise
    """
    output = _answer_in_clean_process(model_id, clips)
    if output["outside"]:
        raise AvemoError(f"the model takes code from outside its version: {output['outside'][0]}")
    for answer in output["answers"]:
        if answer["finding"]:
            raise AvemoError(
                "in a clean process the model does not answer for its example or a recorded clip: "
                f"{answer['finding']}: {answer['reason']}"
            )
    if recorded is None or recorded.empty:
        return 0.0
    _, *answers = output["answers"]  # the first is of the input example
    return _largest_difference(
        pd.DataFrame(answers), recorded, _TOLERANCE_JOINED if joined else _TOLERANCE
    )


def performance_clips(
    project: Project, modality: Modality, performances: Sequence[str]
) -> list[bytes]:
    """Return what each performance's features were computed from, as one clip a performance.

    Sound and picture that stand in two files are joined, packet by packet as they are.

    Raises:
        AvemoError: a recording is missing
    """
    catalogue = pd.read_parquet(project.catalogue)
    sounds, pictures = (
        {row["performance"]: row for _, row in rows.iterrows()}
        for rows in (
            manifest.select_sound_sources(catalogue),
            manifest.select_picture_sources(catalogue),
        )
    )
    clips = []
    for performance in performances:
        files = []
        if modality != "visual":
            row = sounds[performance]
            files.append(soundtrack.locate_sound(row, project.raw, project.soundtrack))
        if modality != "audio":
            files.append(project.raw / str(pictures[performance]["path"]))
        for file in files:
            if not file.is_file():
                path = file.relative_to(project.root)
                raise AvemoError(
                    f"there is no {path}, which the model is tried on: dvc checkout {path.parts[0]}"
                )
        clips.append(_join(*files) if len(files) == 2 else files[0].read_bytes())
    return clips


def reproducible_rows(
    project: Project, modality: Modality, predictions: pd.DataFrame
) -> pd.DataFrame:
    """Return the rows whose features can be computed again from one clip.

    The frames that are used depend on the sound beside them: a silent film joined with a recording
    of its sound does not give the features that the two gave apart.
    """
    if modality != "fused":
        return predictions
    films = manifest.select_picture_sources(pd.read_parquet(project.catalogue))
    with_sound = films.loc[films["has_sound"], "performance"]
    return predictions[predictions["performance"].isin(with_sound)]


def sample_rows(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return up to three rows, spread evenly."""
    places = np.linspace(0, len(predictions) - 1, min(_ROWS, len(predictions))).astype(int)
    return predictions.iloc[places]


def _answer_in_clean_process(model_id: str, clips: Sequence[bytes]) -> _Output:
    import mlflow

    outside = ("PYTHONPATH", "AVEMO_ROOT")
    environment = {name: value for name, value in os.environ.items() if name not in outside}
    environment["MLFLOW_TRACKING_URI"] = mlflow.get_tracking_uri()
    with tempfile.TemporaryDirectory() as temporary:
        folder, result = Path(temporary, "clips"), Path(temporary, "result.json")
        folder.mkdir()
        for number, content in enumerate(clips):
            (folder / f"{number:03}").write_bytes(content)
        process = subprocess.run(
            [sys.executable, "-c", _SCRIPT, f"models:/{model_id}", str(folder), str(result)],
            cwd=temporary,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if process.returncode:
            raise AvemoError(
                "the model does not load and answer in a clean process: "
                f"{last_line(process.stderr)}"
            )
        output: _Output = json.loads(result.read_text(encoding="utf-8"))
        return output


def _largest_difference(answers: pd.DataFrame, recorded: pd.DataFrame, tolerance: float) -> float:
    differences = np.abs(metrics.probabilities(answers) - metrics.probabilities(recorded))
    by_clip = differences.max(axis=1)
    if by_clip.max() > tolerance:
        raise AvemoError(
            "the model does not repeat its recorded predictions in a clean process: for "
            f"{recorded['performance'].iloc[int(by_clip.argmax())]} a probability differs by "
            f"{by_clip.max():.3f}, at most {tolerance:g} is expected"
        )
    return float(by_clip.max())


def _join(sound: Path, picture: Path) -> bytes:
    """Return a film with the sound of one file and the picture of another."""
    buffer = io.BytesIO()
    with (
        av.open(str(sound)) as sound_container,
        av.open(str(picture)) as picture_container,
        av.open(buffer, "w", format="mov") as film,
    ):
        sources = [
            (picture_container, picture_container.streams.video[0]),
            (sound_container, sound_container.streams.audio[0]),
        ]
        targets = [film.add_stream_from_template(stream) for _, stream in sources]
        for (container, stream), target in zip(sources, targets, strict=True):
            for packet in container.demux(stream):
                if packet.dts is not None:
                    packet.stream = target
                    film.mux(packet)
    return buffer.getvalue()
