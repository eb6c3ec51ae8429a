"""A version answers where nothing is installed but what it says that it requires."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import mlflow
import numpy as np
import pandas as pd
import pytest
from helpers import fused_version
from mlflow.pyfunc import PyFuncModel

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.pretrained import assets

pytestmark = pytest.mark.slow

SHARED = Path(__file__).parents[2] / "../shared"
COLUMNS = [f"p_{name}" for name in EMOTIONS]
#: what trains, exports or serves, and avemo itself: answering takes none of them
MISSING = (
    "avemo tensorflow keras tf2onnx onnx librosa numba mtcnn insightface ray h5py joblib pooch "
    "safetensors sklearn"
)
SCRIPT = """
import sys
from importlib.machinery import PathFinder

missing, (version, *files) = set(sys.argv[1].split()), sys.argv[2:]
find = PathFinder.find_spec


def find_installed(name, path=None, target=None):
    return None if name.partition(".")[0] in missing else find(name, path, target)


PathFinder.find_spec = find_installed
import mlflow.pyfunc, pandas
from pathlib import Path

model = mlflow.pyfunc.load_model(version)
rows = model.predict(pandas.DataFrame({"media": [Path(file) for file in files]}))
imported = sorted(missing & {name.partition(".")[0] for name in sys.modules})
Path("answers.json").write_text(rows.to_json(orient="records", double_precision=15))
Path("imported.txt").write_text(" ".join(imported))
"""


class Version(NamedTuple):
    """A model's folder, and a film with sound and a face, a silent one, and sound alone."""

    folder: Path
    media: list[Path]


def answer(model: PyFuncModel, *media: Path | bytes) -> pd.DataFrame:
    return pd.DataFrame(model.predict(pd.DataFrame({"media": media})))


@pytest.fixture(scope="module", params=["drawn", pytest.param("real", marks=pytest.mark.real)])
def version(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Version:
    """A version with random weights and drawn clips; or with published weights and real clips."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "drawn":
        media = fused_version.draw_media(folder / "media")
        with fused_version.random_weights(folder):
            return Version(fused_version.save(folder, media[0], "mtcnn"), media)
    names = ("video/01-01-01-01-01-01-01.mp4", "video/02-01-01-01-01-01-01.mp4")
    media = [SHARED / "ravdess" / name for name in names]
    media += sorted((SHARED / "other_corpora/emodb").glob("*.wav"))[:1]
    if not (SHARED / "weights").is_dir() or len(media) < 3 or not media[0].is_file():
        pytest.skip("needs ../shared/weights, ../shared/ravdess and ../shared/other_corpora")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(assets.MIRROR, str(SHARED / "weights"))
        return Version(fused_version.save(folder, media[0], "yunet"), media)


@pytest.fixture(scope="module")
def answers(version: Version) -> pd.DataFrame:
    """What the version answers in this process, one clip after the other."""
    return answer(mlflow.pyfunc.load_model(str(version.folder)), *version.media)


def test_every_kind_of_clip_has_an_answer(answers: pd.DataFrame) -> None:
    assert list(answers["finding"]) == ["", "", ""]
    np.testing.assert_allclose(answers[COLUMNS].sum(axis=1), 1, atol=1e-5)
    film, silent, sound = answers[COLUMNS].to_numpy()
    assert min(np.abs(film - silent).max(), np.abs(film - sound).max()) > 1e-3
    assert list(answers["reason"].eq("")) == [True, False, False]


def test_without_what_trains_it(version: Version, answers: pd.DataFrame, tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, MISSING, str(version.folder)]
    process = subprocess.run(
        [*command, *(str(file.resolve()) for file in version.media)],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    assert (tmp_path / "imported.txt").read_text() == ""
    rows = pd.DataFrame(json.loads((tmp_path / "answers.json").read_text())).astype(answers.dtypes)
    pd.testing.assert_frame_equal(rows, answers, rtol=0, atol=1e-12)


def test_threads_at_once_answer_as_one_does(version: Version, answers: pd.DataFrame) -> None:
    model = mlflow.pyfunc.load_model(str(version.folder))  # nobody has used it before
    with ThreadPoolExecutor(2) as pool:
        rows = pd.concat(pool.map(partial(answer, model), version.media * 2), ignore_index=True)
    pd.testing.assert_frame_equal(rows, pd.concat([answers] * 2, ignore_index=True))


def test_ray_data_answers_as_one_process_does(version: Version) -> None:
    ray = pytest.importorskip("ray", reason="needs the extra ray")

    class Predict:
        def __init__(self, folder: str) -> None:
            self.model = mlflow.pyfunc.load_model(folder)

        def __call__(self, batch: pd.DataFrame) -> pd.DataFrame:
            rows = self.model.predict(pd.DataFrame({"media": batch["bytes"]}))
            return pd.DataFrame(rows).assign(path=list(batch["path"]))

    paths = [str(file.resolve()) for file in version.media]
    ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    try:
        predicted = ray.data.read_binary_files(paths, include_paths=True).map_batches(
            Predict,
            fn_constructor_args=(str(version.folder),),
            batch_format="pandas",
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(size=1),
        )
        rows = pd.DataFrame(predicted.take_all())
    finally:
        ray.shutdown()
    model = mlflow.pyfunc.load_model(str(version.folder))
    expected = answer(model, *(file.read_bytes() for file in version.media))
    rows = rows.set_index("path").loc[paths].reset_index(drop=True)
    pd.testing.assert_frame_equal(rows.astype(expected.dtypes), expected)
