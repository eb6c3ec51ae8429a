"""Features on a Ray cluster of two nodes: the same as here, whatever happens to a node."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers.detectors import resolve
from helpers.differences import differences
from helpers.ray_nodes import RayNodes, needs_ray, running_nodes
from helpers.search import (
    Search,
    end_stage,
    search_alone,
    search_processes,
    trials_of,
    wait_until,
)

from avemo import engine
from avemo.config import load_settings
from avemo.errors import SettingsError
from avemo.faces import extract
from avemo.features import store
from avemo.features.audio import logmel, mfcc, whisper
from avemo.features.extraction import Extraction
from avemo.features.run import extract_audio
from avemo.features.spec import FeatureSpec
from avemo.media.sound import write_wav
from avemo.runtime import pretrained_graphs

pytestmark = [pytest.mark.slow, needs_ray]

ROOT = Path(__file__).parents[1]
SHARED = ROOT / "../shared"
BAND = {"low_hz": 60.0, "high_hz": 7600.0}
EXTRACTORS = {
    "mfcc": mfcc.Mfcc(
        mfcc.Settings(sample_rate=16000, window_ms=48.0, hop_ms=24.0, coefficients=30, **BAND)
    ),
    "logmel": logmel.LogMel(
        logmel.Settings(sample_rate=16000, window_ms=25.0, hop_ms=10.0, bands=64, **BAND)
    ),
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayNodes]:
    """A head and a second node, which find the functions of `helpers`."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    with running_nodes(2, environment=environment) as ray_nodes:
        yield ray_nodes


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("sounds")
    rows = []
    for number in range(40):
        file = folder / f"{number}.wav"
        noise = np.random.default_rng(number).standard_normal(8000 + 100 * number)
        write_wav(file, 0.1 * noise, 22050)
        rows.append(
            (f"take-{number:02d}", f"03-{number:02d}", f"{1 + number % 3:02d}", str(number), file)
        )
    (folder / "7.wav").write_bytes(b"RIFF")
    return pd.DataFrame(rows, columns=["performance", "recording", "actor", "sha256", "file"])


def features(folder: Path, sources: pd.DataFrame, **where: Any) -> None:
    targets = {
        name: store.Target(folder / name, extractor.spec(), extractor.dtypes)
        for name, extractor in EXTRACTORS.items()
    }
    store.update(targets, sources, Extraction(extract_audio, EXTRACTORS), **where)


def test_the_same_features_to_the_last_bit(
    cluster: RayNodes, sources: pd.DataFrame, tmp_path: Path
) -> None:
    features(tmp_path / "here", sources, workers=1)
    features(tmp_path / "workers", sources, workers=2)
    features(tmp_path / "cluster", sources, cluster=cluster.address)
    for name in EXTRACTORS:
        expected = store.read(tmp_path / "here" / name)
        assert len(expected) == len(sources)
        for way in ("workers", "cluster"):
            assert differences(store.read(tmp_path / way / name), expected) == [], way
    row = store.read(tmp_path / "cluster/mfcc").set_index("performance").loc["take-07"]
    assert row["finding"] == "unreadable"


WAYS = ("here", "workers", "cluster")


def where(way: str, cluster: RayNodes) -> dict[str, Any]:
    """The arguments of `store.update` for one of `WAYS`."""
    arguments: dict[str, dict[str, Any]] = {
        "here": {"workers": 1},
        "workers": {"workers": 2},
        "cluster": {"cluster": cluster.address},
    }
    return arguments[way]


def require_equal(folder: Path, count: int) -> None:
    """Each of `WAYS` left the same rows in a folder of its own, and as many."""
    expected = store.read(folder / WAYS[0])
    assert len(expected) == count
    for way in WAYS[1:]:
        assert differences(store.read(folder / way), expected) == [], way


@pytest.mark.real
def test_the_same_faces_to_the_last_bit(cluster: RayNodes, tmp_path: Path) -> None:
    films = sorted((SHARED / "ravdess/video").rglob("*.mp4"))[:4]
    if not films:
        pytest.skip("needs ../shared/ravdess/video")
    settings = load_settings(ROOT).faces
    rows = [(film.stem[3:], film.stem, film.stem[-2:], film.stem, film) for film in films]
    sources = pd.DataFrame(rows, columns=["performance", "recording", "actor", "sha256", "file"])
    for way in WAYS:
        folder = tmp_path / way
        extraction = extract.Extraction(settings, *resolve("yunet"))
        spec = FeatureSpec(extractor="faces", version=extract.VERSION, settings={})
        store.update(
            {"faces": store.Target(folder, spec, extract.ARRAYS)},
            sources,
            extraction,
            **where(way, cluster),
        )
    require_equal(tmp_path, len(sources))


@pytest.mark.real
def test_the_same_hearing_to_the_last_bit(
    cluster: RayNodes, sources: pd.DataFrame, tmp_path: Path
) -> None:
    weights = SHARED / "weights/whisper-tiny.en-encoder.safetensors"
    if not weights.is_file():
        pytest.skip("needs ../shared/weights")
    graph = pretrained_graphs.get("whisper_tiny_en", weights.resolve())
    settings = whisper.Settings(sample_rate=16000, voiced_db=35.0, step_ms=60.0)
    for way in WAYS:
        folder = tmp_path / way
        extractor = whisper.Whisper(settings, {"whisper_tiny_en": graph})
        extraction = Extraction(extract_audio, {"whisper": extractor})
        target = store.Target(folder, extractor.spec(), extractor.dtypes)
        store.update({"whisper": target}, sources, extraction, **where(way, cluster))
    require_equal(tmp_path, len(sources))


def test_ray_data_reads_the_features_as_they_are(
    cluster: RayNodes, sources: pd.DataFrame, tmp_path: Path
) -> None:
    features(tmp_path, sources, workers=1)
    import ray

    ray.init(cluster.address, logging_level="ERROR", log_to_driver=False)
    try:
        rows = ray.data.read_parquet(str(tmp_path / "mfcc")).take_all()
    finally:
        ray.shutdown()
    assert len(rows) == 40
    arrays = {row["performance"]: row["mfcc"] for row in rows}
    expected = store.load_arrays(tmp_path / "mfcc", "mfcc")
    np.testing.assert_array_equal(arrays["take-03"], expected["take-03"].ravel())


def test_the_same_search_though_a_worker_is_killed(cluster: RayNodes, tmp_path: Path) -> None:
    search = Search(tmp_path / "cluster", engine="ray", ray={"address": cluster.address})
    stage = search.start(2)
    wait_until(stage, lambda: "tuner1" in search.fit_counts)
    assert set(search_processes(stage)) == {"chief"}, "the workers are not on the cluster"
    nodes = [search_processes(node) for node in cluster.nodes]
    assert sorted(name for node in nodes for name in node) == ["tuner0", "tuner1"]
    next(node["tuner1"] for node in nodes if "tuner1" in node).kill()
    end_stage(stage)
    expected = [pytest.approx(trial) for trial in trials_of(search_alone())]
    assert trials_of(search.result()) == expected
    parent, children = search.runs()
    assert parent.info.status == "FINISHED"
    assert {run.data.tags["avemo.worker"] for run in children} == {"tuner0", "tuner1"}
    assert not any(search_processes(node) for node in cluster.nodes), "a worker outlived the stage"


def test_what_a_function_raises_ends_the_run(cluster: RayNodes) -> None:
    numbers: list[Any] = [-1, "two"]
    results = engine.run(abs, numbers, title="test", cluster=cluster.address)
    with pytest.raises(TypeError, match="bad operand"):
        list(results)


def test_a_node_that_dies_costs_nothing_but_time(cluster: RayNodes) -> None:
    from helpers.slow_work import square

    results = engine.run(square, range(40), title="test", cluster=cluster.address)
    values = [next(results) for _ in range(8)]
    cluster.kill(1)
    values += results
    assert [value for value, _ in values] == [number**2 for number in range(40)]
    assert len({process for _, process in values[:8]}) == 2, "one node did all from the start"


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere.invalid:6379", "no address"])
def test_no_cluster_is_said_in_a_line(address: str) -> None:
    with pytest.raises(SettingsError, match=r"ray\.address: no Ray cluster at"):
        list(engine.run(abs, [1], title="test", cluster=address))
