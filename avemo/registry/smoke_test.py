"""A model that was just logged, tried in a clean process: it loads, and answers as recorded."""

import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypedDict

import numpy as np
import pandas as pd

from ..corpus import selection, soundtrack
from ..datasets import Dataset
from ..errors import AvemoError, last_line
from ..evaluation import metrics
from ..inference.prediction import Cell
from ..modalities import Modality
from ..paths import Project

__all__ = ["Source", "check_reproduces", "performance_sources", "sample_rows"]

_ROWS = 3
#: a probability may differ by so much: networks were evaluated in Keras, versions run as graphs
_TOLERANCE = 1e-4

_SCRIPT = """
import json, pickle, sys
from pathlib import Path

import mlflow
import pandas

model = mlflow.pyfunc.load_model(sys.argv[1])
features, sources = pickle.loads(Path(sys.argv[2]).read_bytes())
example = model.predict(model.input_example).to_dict("records")
recogniser = model.unwrap_python_model().recogniser
sampled = [recogniser.predict(media, picture=picture).to_row() for media, picture in sources]
recorded = recogniser.bundle.probabilities(features).tolist() if features else []
outside = sorted({name for name in sys.modules if name.partition(".")[0] == "avemo"})
output = {"example": example, "sampled": sampled, "recorded": recorded, "outside": outside}
Path(sys.argv[3]).write_text(json.dumps(output))
"""


class Source(NamedTuple):
    """The files that the features of a performance were computed from.

    Args:
        media: with the sound, or the film of a model of faces alone
        picture: the film, where the model takes both; None where it takes one
    """

    media: Path
    picture: Path | None = None


class _Output(TypedDict):
    """What the clean process writes.

    Rows of answers for the example and for sampled performances, probabilities for all recorded
    ones, and modules from outside the version.
    """

    example: list[dict[str, Cell]]
    sampled: list[dict[str, Cell]]
    recorded: list[list[float]]
    outside: list[str]


def check_reproduces(
    model_id: str,
    recorded: pd.DataFrame | None,
    data: Dataset | None = None,
    sources: Sequence[Source] = (),
    *,
    expected_finding: str = "",
) -> float:
    """Let a logged model answer in a clean process for what is recorded.

    It answers for its input example; for every recorded performance from its features; and for a
    few from their files.

    Args:
        model_id: of the logged model
        recorded: its recorded predictions, a row a performance; None where there are none
        data: the same performances, with their features
        sources: of those that `sample_rows` returns of the recorded ones
        expected_finding: that it has for every clip, if it takes features that are imported

    Returns:
        the largest difference of a probability from the recorded one

    Raises:
        AvemoError: it does not load, imports code from outside, or answers otherwise
    """
    output = _answer_in_clean_process(model_id, data.features if data else {}, sources)
    if output["outside"]:
        raise AvemoError(f"the model takes code from outside its version: {output['outside'][0]}")
    for answer in (*output["example"], *output["sampled"]):
        if answer["finding"] != expected_finding:
            raise AvemoError(
                "in a clean process the model does not answer for its example or a recorded clip: "
                f"{answer['finding']}: {answer['reason']}"
            )
    if recorded is None or recorded.empty:
        return 0.0
    columns = metrics.probability_columns(metrics.classes_of(recorded))
    answers = pd.DataFrame(output["recorded"], columns=columns)
    differences = [_largest_difference(answers, recorded)]
    if sources:
        answers = pd.DataFrame(output["sampled"])
        differences.append(_largest_difference(answers, sample_rows(recorded)))
    return max(differences)


def performance_sources(
    project: Project, modality: Modality, performances: Sequence[str]
) -> list[Source]:
    """Return what each performance's features were computed from.

    Raises:
        AvemoError: a recording is missing
    """
    catalogue = selection.read_catalogue(project.catalogue)
    sounds, pictures = (
        {row["performance"]: row for _, row in rows.iterrows()}
        for rows in (
            selection.select_sound_sources(catalogue),
            selection.select_picture_sources(catalogue),
        )
    )
    sources = []
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
        sources.append(Source(*(file.resolve() for file in files)))
    return sources


def sample_rows(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return up to three rows, spread evenly."""
    places = np.linspace(0, len(predictions) - 1, min(_ROWS, len(predictions))).astype(int)
    return predictions.iloc[places]


def _answer_in_clean_process(model_id: str, features: object, sources: Sequence[Source]) -> _Output:
    import mlflow

    outside = ("PYTHONPATH", "AVEMO_ROOT")
    environment = {name: value for name, value in os.environ.items() if name not in outside}
    environment["MLFLOW_TRACKING_URI"] = mlflow.get_tracking_uri()
    with tempfile.TemporaryDirectory() as temporary:
        request, result = Path(temporary, "request.pickle"), Path(temporary, "result.json")
        request.write_bytes(pickle.dumps((features, [tuple(source) for source in sources])))
        process = subprocess.run(
            [sys.executable, "-c", _SCRIPT, f"models:/{model_id}", str(request), str(result)],
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


def _largest_difference(answers: pd.DataFrame, recorded: pd.DataFrame) -> float:
    """Return the largest difference of a probability.

    Raises:
        AvemoError: a row differs by more than allowed, or its likeliest emotion does
    """
    now, before = metrics.probabilities(answers), metrics.probabilities(recorded)
    by_row = np.abs(now - before).max(axis=1)
    other = now.argmax(axis=1) != before.argmax(axis=1)
    if by_row.max() > _TOLERANCE or other.any():
        row = int((by_row + other).argmax())
        performance = recorded["performance"].iloc[row]
        emotion = ", and the likeliest emotion is another" * bool(other[row])
        raise AvemoError(
            "the model does not repeat its recorded predictions in a clean process: for "
            f"{performance} a probability differs by {by_row[row]:.2g}{emotion}; "
            f"at most {_TOLERANCE:g} is expected"
        )
    return float(by_row.max())
