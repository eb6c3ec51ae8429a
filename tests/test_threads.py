"""Features are the same to the last bit, whoever computes them."""

import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.bundles import bundle_config
from helpers.differences import differences
from helpers.one_thread import SETTINGS
from helpers.sounds import encoded, voice
from helpers.whisper_file import write
from threadpoolctl import threadpool_info

from avemo import threads
from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.features.audio.whisper import Whisper
from avemo.inference.recogniser import pack
from avemo.models import bundle, preprocessing
from avemo.pretrained import assets
from avemo.runtime import pretrained_graphs

ROOT = Path(__file__).parents[1]
REAL = ROOT / "../shared/weights/whisper-tiny.en-encoder.safetensors"


@pytest.fixture(params=["random", pytest.param("real", marks=pytest.mark.real)])
def weights(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "random":
        return write(tmp_path / "whisper.safetensors")
    if not REAL.is_file():
        pytest.skip("needs Whisper's published weights in ../shared/weights")
    return REAL.resolve()


@pytest.fixture
def packed(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recogniser that hears by Whisper, untrained."""
    import keras

    shape = (1, 5 * 2 * 384)
    prepared = {"whisper_stats": preprocessing.fit([np.random.default_rng(0).normal(size=shape)])}
    given = keras.Input(prepared["whisper_stats"].shape, name="whisper_stats")
    answer = keras.layers.Dense(len(EMOTIONS), "softmax")(keras.layers.Flatten()(given))
    config = bundle_config(features={"whisper_stats": Whisper(SETTINGS).spec()})
    (tmp_path / "trained").mkdir()
    bundle.write(
        tmp_path / "trained", keras.Model({"whisper_stats": given}, answer), prepared, config
    )
    monkeypatch.setattr(assets, "get", lambda name, quiet=False: weights)
    pack(bundle.Bundle(tmp_path / "trained"), {}, tmp_path / "packed")
    return tmp_path / "packed"


@pytest.mark.slow
def test_workers_and_a_serving_process_compute_the_same(
    weights: Path, packed: Path, tmp_path: Path
) -> None:
    clips = [tmp_path / f"{seconds}.wav" for seconds in (0.7, 1.9)]
    for clip in clips:
        clip.write_bytes(encoded(voice(16000, float(clip.stem)), 16000))
    environment = {name: os.environ[name] for name in os.environ if name not in threads.VARIABLES}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    script, result = ROOT / "tests/helpers/one_thread.py", tmp_path / "result.pickle"
    graph = pretrained_graphs.get("whisper_tiny_en", weights)
    command: list[Path | str] = [sys.executable, script, graph, packed, result, *clips]
    subprocess.run(command, env=environment, check=True)
    results = pickle.loads(result.read_bytes())
    for way, (_, used) in results.items():
        assert {name: count for name, count in used.items() if count != 1} == {}, way
    expected, answers = results["two workers"][0], results["a serving process"][0]
    for way, (table, _) in results.items():
        columns = list(table if "serving" in way else expected)
        expected_columns = expected.assign(probabilities=answers["probabilities"])
        assert differences(table[columns], expected_columns[columns]) == [], way


def counts(*kinds: str) -> list[int]:
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] in kinds]


def test_limits_end_with_the_last_of_overlapping_blocks() -> None:
    import sklearn.svm  # noqa: F401, loads OpenMP

    before = dict(os.environ), counts("blas", "openmp")
    inside, leave = threading.Event(), threading.Event()
    inner_counts = []

    def other() -> None:
        with threads.single_threaded():
            inner_counts.extend(counts("blas", "openmp"))
            inside.set()
            leave.wait(60)

    thread = threading.Thread(target=other)
    with threads.single_threaded():
        thread.start()
        assert inside.wait(60)
        assert set(inner_counts) == set(counts("blas", "openmp")) == {1}
    assert set(counts("blas")) == {1}
    assert os.environ["OPENBLAS_NUM_THREADS"] == "1"
    leave.set()
    thread.join()
    assert (dict(os.environ), counts("blas", "openmp")) == before


def test_a_difference_is_named() -> None:
    expected = pd.DataFrame({"performance": ["a", "b"], "x": [np.zeros(3), np.ones(3)]})
    values = [np.zeros(3), np.array([1, 1.5, 1])]
    changed = pd.DataFrame({"performance": ["a", "b"], "x": values})
    assert differences(expected, expected) == []
    assert differences(changed, expected) == ["b, x: 1 of 3 differ, by up to 0.5 at [1]"]
    assert differences(changed[:1], expected) == ["performances: ['b'] in one alone"]
