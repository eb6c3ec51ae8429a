"""What a prediction was made from, and what was not used, on every surface; by a real version."""

import base64
import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
import tritonclient.http as triton
from helpers.films import write_film
from helpers.fused_version import draw_media
from helpers.registered_films import NAME, register_fused_version
from helpers.serving import (
    ServiceProcess,
    module_registry,
    new_serving_project,
    run_avemo,
    running_service,
)
from helpers.sounds import encoded, voice
from mlflow.pyfunc import PyFuncModel, scoring_server

from avemo.inference.evidence import COLUMNS, Evidence
from avemo.inference.prediction import Prediction
from avemo.registry.predictor import RegisteredModel

pytestmark = pytest.mark.slow

CHAMPION = f"models:/{NAME}@champion"
CLIPS = ("seen.mp4", "faceless.mkv", "sound.wav", "notes.wav")
BROKEN = b"these are notes, and no recording"
#: what a reason calls the clip: not every door knows its name
_SUBJECT = re.compile(r"^(sound\.wav|media( of [\d,]+ bytes)?) ")
#: by clip: reason, and the columns of the evidence
Told = dict[str, tuple[str, dict[str, object]]]


@dataclass
class Surroundings:
    """A project with clips, and a service that answers for the same registry."""

    folder: Path
    clips: dict[str, Path]
    service: ServiceProcess

    def run(self, *arguments: str) -> str:
        """Run `avemo predict` with all clips, one of which has no answer; return its output."""
        command = ["predict", "--model", CHAMPION, *arguments]
        return run_avemo(self.folder, *command, *map(str, self.clips.values()), returncode=1)


@pytest.fixture(scope="module")
def surroundings(
    tmp_path_factory: pytest.TempPathFactory, empty_database: Path
) -> Iterator[Surroundings]:
    folder = tmp_path_factory.mktemp("evidence")
    project = new_serving_project(folder / "project")
    clips = {name: folder / name for name in CLIPS}
    draw_media(folder / "drawn")[0].rename(clips["seen.mp4"])
    write_film(clips["faceless.mkv"])
    clips["sound.wav"].write_bytes(encoded(voice(16000, 2.0), 16000))
    clips["notes.wav"].write_bytes(BROKEN)
    with module_registry(folder, empty_database) as uri:
        register_fused_version(folder / "1", clips["seen.mp4"], detector="mtcnn", check={})
        with running_service(folder / "run", uri, "--model", NAME, project=project) as service:
            yield Surroundings(project, clips, service)


@pytest.fixture(scope="module")
def expected(surroundings: Surroundings) -> dict[str, Prediction]:
    model = RegisteredModel(CHAMPION)
    return {name: model.predict(file) for name, file in surroundings.clips.items()}


@pytest.fixture(scope="module")
def loaded(surroundings: Surroundings) -> PyFuncModel:
    model: PyFuncModel = mlflow.pyfunc.load_model(CHAMPION)
    return model


def output_names(loaded: PyFuncModel) -> list[str]:
    """The columns that the signature promises."""
    signature: Any = loaded.metadata.signature
    return [str(name) for name in signature.outputs.input_names()]


def told(row: "Mapping[str, Any] | pd.Series[Any]") -> tuple[str, dict[str, object]]:
    """Reason and evidence of a row, with None for what is missing."""
    cells = {name: row[name] for name in COLUMNS}
    return _SUBJECT.sub("", str(row["reason"])), {
        name: None if pd.isna(value) or value == "" else COLUMNS[name](value)
        for name, value in cells.items()
    }


def told_nested(fields: Mapping[str, Any]) -> tuple[str, dict[str, object]]:
    columns = {f"evidence_{name}": value for name, value in fields["evidence"].items()}
    return told({"reason": fields["reason"], **columns})


def test_the_library_says_what_it_used(expected: dict[str, Prediction]) -> None:
    seen, faceless, sound, notes = expected.values()
    assert seen.reason == ""
    assert seen.evidence.modality == "fused"
    assert (seen.evidence.frames, seen.evidence.frames_with_face) == (3, 3)
    start_s, end_s = seen.evidence.voice_start_s, seen.evidence.voice_end_s
    assert start_s is not None
    assert end_s is not None
    assert 0 < seen.evidence.voiced_s <= end_s - start_s + 1e-9
    assert "no face in any of the 3 sampled frames" in faceless.reason
    assert faceless.evidence.modality == sound.evidence.modality == "audio"
    assert (faceless.evidence.frames, faceless.evidence.frames_with_face) == (3, 0)
    assert sound.evidence.frames == 0
    assert sound.reason
    assert (notes.finding, notes.evidence) == ("unreadable", Evidence())


def by_json(here: Surroundings) -> Told:
    rows = [json.loads(line) for line in here.run("--json").splitlines()]
    return {Path(row["file"]).name: told_nested(row) for row in rows}


def by_csv(here: Surroundings) -> Told:
    here.run("--csv", "out.csv")
    with (here.folder / "out.csv").open(newline="") as file:
        return {Path(row["file"]).name: told(row) for row in csv.DictReader(file)}


def by_parquet(here: Surroundings) -> Told:
    here.run("--parquet", "out.parquet")
    table = pd.read_parquet(here.folder / "out.parquet")
    return {Path(str(file)).name: told(row) for file, row in table.iterrows()}


def by_http(here: Surroundings) -> Told:
    files = [("file", (name, file.read_bytes())) for name, file in here.clips.items()]
    rows = here.service.post("/v1/predict", files=files).json()["predictions"]
    return {row["file"]: told_nested(row) for row in rows}


def by_invocations(here: Surroundings) -> Told:
    media = [[base64.b64encode(file.read_bytes()).decode()] for file in here.clips.values()]
    body = {"dataframe_split": {"columns": ["media"], "data": media}}
    rows = here.service.post("/invocations", json=body).json()["predictions"]
    return {name: told(row) for name, row in zip(CLIPS, rows, strict=True)}


def by_open_inference(here: Surroundings) -> Told:
    client = triton.InferenceServerClient(here.service.address.removeprefix("http://"))
    media = triton.InferInput("media", [len(CLIPS)], "BYTES")
    contents = [file.read_bytes() for file in here.clips.values()]
    media.set_data_from_numpy(np.array(contents, dtype=object))
    names = ["reason", *COLUMNS]
    outputs = [triton.InferRequestedOutput(name, binary_data=True) for name in names]
    result = client.infer(NAME, [media], outputs=outputs)
    table = pd.DataFrame({name: result.as_numpy(name) for name in names})
    texts = table.map(lambda cell: cell.decode() if isinstance(cell, bytes) else cell)
    return {name: told(row) for name, (_, row) in zip(CLIPS, texts.iterrows(), strict=True)}


DOORS = [by_json, by_csv, by_parquet, by_http, by_invocations, by_open_inference]


@pytest.mark.parametrize("door", DOORS)
def test_every_door_says_the_same(
    door: Callable[[Surroundings], Told],
    surroundings: Surroundings,
    expected: dict[str, Prediction],
) -> None:
    rows = door(surroundings)
    for name, prediction in expected.items():
        reason, evidence = told_nested(asdict(prediction))
        if prediction.finding:  # the message names the file, which not every door knows
            assert rows[name][1] == evidence
        else:
            assert rows[name] == (reason, evidence), name


def test_the_table_says_it_in_short(
    surroundings: Surroundings, expected: dict[str, Prediction]
) -> None:
    seen, faceless, _ = surroundings.run().splitlines()
    by = f" by {NAME} version 1; from "
    assert seen.endswith(by + expected["seen.mp4"].evidence.describe())
    assert seen.endswith("a face in 3 of 3 frames")
    evidence, reason = faceless.split(by)[1].split("; not fused: ")
    assert evidence == expected["faceless.mkv"].evidence.describe()
    assert reason == expected["faceless.mkv"].reason


def strictly(text: str) -> Any:
    """Parse JSON as the standard has it, which knows no NaN."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def serve(loaded: PyFuncModel, body: object) -> list[dict[str, Any]]:
    """Answer a request as `mlflow models serve` does, by its own functions."""
    answer: Any = scoring_server.invocations
    schema = loaded.metadata.signature.inputs
    response = answer(json.dumps(body), "application/json", loaded, schema)
    assert response.status == 200, response.response
    rows: list[dict[str, Any]] = strictly(response.response)["predictions"]
    return rows


def test_mlflows_server_answers_every_row_in_strict_json(
    loaded: PyFuncModel, surroundings: Surroundings, expected: dict[str, Prediction]
) -> None:
    content = surroundings.clips["sound.wav"].read_bytes()
    text = base64.b64encode(content).decode()
    good = [text, f"data:audio/wav;base64,{text}", base64.urlsafe_b64encode(content).decode()]
    bad = [None, 3, 0.5, True, "", "notes.wav", base64.b64encode(BROKEN).decode()]
    body = {"dataframe_split": {"columns": ["media"], "data": [[cell] for cell in bad + good]}}
    for rows in (
        serve(loaded, body),
        strictly(surroundings.service.post("/invocations", json=body).text)["predictions"],
    ):
        assert [row["finding"] for row in rows] == ["unreadable"] * len(bad) + [""] * len(good)
        assert all(row["reason"] for row in rows[: len(bad)])
        assert all(list(row) == output_names(loaded) for row in rows)
        for row in rows[: len(bad)]:
            assert row["probability"] is row["p_calm"] is row["evidence_voice_start_s"] is None
        for row in rows[len(bad) :]:
            assert told(row) == told_nested(asdict(expected["sound.wav"]))


def test_any_row_of_any_type_has_a_row_of_its_own(
    loaded: PyFuncModel, surroundings: Surroundings
) -> None:
    file = surroundings.clips["sound.wav"]
    content = file.read_bytes()
    good: list[object] = [
        content,
        bytearray(content),
        memoryview(content),
        file,
        io.BytesIO(content),
    ]
    good.append(base64.b64encode(content).decode())
    closed = io.BytesIO(content)
    closed.close()
    bad: list[object] = [
        None,
        float("nan"),
        pd.NA,
        pd.NaT,
        3,
        [content],
        {"media": 1},
        closed,
        b"",
        BROKEN,
    ]
    bad += [file.with_name("none.wav"), file.parent, "sound.wav", np.zeros(3), object()]
    cells = np.empty(len(bad) + len(good), dtype=object)
    for place, cell in enumerate([*bad, *good]):
        cells[place] = cell
    version: Any = loaded
    rows = version.unwrap_python_model().predict(None, pd.DataFrame({"media": cells}))
    assert list(rows["finding"].eq("")) == [False] * len(bad) + [True] * len(good)
    assert rows["reason"][: len(bad)].str.len().min() > 10
    assert rows.loc[len(bad) :, "probability"].nunique() == 1


def test_an_empty_table_has_the_signatures_columns(loaded: PyFuncModel) -> None:
    rows = pd.DataFrame(loaded.predict(pd.DataFrame({"media": pd.Series([], dtype=object)})))
    assert (list(rows.columns), len(rows)) == (output_names(loaded), 0)
    assert set(COLUMNS) < set(rows.columns)
