"""Where a result is missing, the reason stands in its place, and never a number."""

from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.baseline_corpus import catalogue, settings, write

from avemo.baselines import clips, summary
from avemo.cli import main
from avemo.paths import Project
from avemo.records import BaselineResult, BaselineRun, Interval, Skipped


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def interval(value: float) -> Interval:
    return Interval(value, value - 0.1, value + 0.1, actors=6, performances=9)


@pytest.fixture
def listed(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], list[str]]:
    """A function that returns the lines of `avemo baselines list` about a system."""

    def lines(system: str) -> list[str]:
        assert main(["baselines", "list"]) == 0
        out = capsys.readouterr().out.splitlines()
        return [line for line in out if line.split() and line.split()[0].strip(":") == system]

    for name in ("params.yaml", "dvc.yaml"):
        (project.root / name).touch()
    monkeypatch.setenv("AVEMO_ROOT", str(project.root))
    return lines


def test_before_anything_was_run(project: Project, listed: Callable[[str], list[str]]) -> None:
    published, run = listed("lstm")
    assert published.split()[:7] == ["lstm", "66", "%", "67", "%", "75", "%"]
    assert run == "lstm: not run"
    assert listed("cnn")[0].split()[:4] == ["cnn", "-", "-", "-"]
    assert listed("face-cnn")[0].split()[:5] == ["face-cnn", "-", "-", "15-19", "%"]
    assert summary.load_results(project) == {}


def test_results(project: Project, listed: Callable[[str], list[str]]) -> None:
    test = {"uar": interval(0.5), "accuracy": interval(0.6)}
    run = BaselineRun(
        channel="speech",
        protocol="actor",
        experiment="avemo/baselines",
        run_id="r1",
        run_name="lstm speech actor",
        predictions="speech-actor.csv",
        test=test,
    )
    result = BaselineResult(system="lstm", synthetic=True, runs=[run], skipped_runs=[])
    result.write(project.baseline("lstm") / "runs.json")
    (_, line) = listed("lstm")
    assert line.split() == [
        *("lstm", "speech", "actor"),
        *("0.500", "[0.400,", "0.600]"),
        *("0.600", "[0.500,", "0.700]"),
    ]
    assert listed("Figures") == [
        "Figures on the synthetic sample corpus say nothing about accuracy."
    ]


def test_absent(project: Project, listed: Callable[[str], list[str]]) -> None:
    Skipped(reason="no").write(project.baseline("vggish-ml") / "runs.json")
    assert listed("vggish-ml")[1:] == ["vggish-ml: not run: no"]


@pytest.mark.parametrize(
    ("extractors", "why"),
    [
        ([], "there are no vggish features: params.yaml has no line"),
        (["vggish"], "vggish_model.ckpt is missing, which is at https://storage.googleapis.com"),
    ],
)
def test_a_system_without_features_says_what_is_missing(
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    extractors: list[str],
    why: str,
) -> None:
    monkeypatch.setenv("AVEMO_CACHE", str(tmp_path / "cache"))
    options = settings().model_copy(update={"extractors": dict.fromkeys(extractors)})
    with pytest.raises(clips.MissingFeatures, match=why):
        clips.load_clips(project, options, "vggish-ml")


def test_a_clip_too_short_for_a_row_is_left_out(project: Project) -> None:
    rows = catalogue([1, 2], emotions=2)
    write(project, "vggish", {"vggish": "float32", "vggish_pca": "uint8"}, rows, low=0, high=2)
    loaded = clips.load_clips(project, settings(), "vggish-lstm")
    sizes = {name: [len(clip) for clip in array.values()] for name, array in loaded.arrays.items()}
    assert sizes["vggish"] == sizes["vggish_pca"] == [1] * len(sizes["vggish"])
    assert 0 < len(sizes["vggish"]) < len(rows)


def test_dense_layers_on_another_network_are_not_the_study_s(project: Project) -> None:
    rows = catalogue([1, 2], emotions=2)
    write(project, "backbone", {"backbone": "float16"}, rows, network="mobilenet_v2")
    with pytest.raises(
        clips.MissingFeatures, match="of network mobilenet_v2, and the system takes vgg16: set"
    ):
        clips.load_clips(project, settings(), "face-vgg16")


def test_a_system_that_takes_two_features_has_what_has_both(project: Project) -> None:
    rows = catalogue([1, 2], emotions=2)
    write(project, "mfcc", {"mfcc": "float32"}, rows[rows["actor"].eq("01")])
    with pytest.raises(
        clips.MissingFeatures, match="no crops features: they have not been computed yet; dvc repro"
    ):
        clips.load_clips(project, settings(), "av-modules")
    write(project, "crops", {"crops": "uint8"}, rows[rows["actor"].eq("02")])
    with pytest.raises(
        clips.MissingFeatures, match="no performance has both mfcc and crops features"
    ):
        clips.load_clips(project, settings(), "av-modules")
    write(project, "crops", {"crops": "uint8"}, rows[rows["emotion"].eq("calm")])
    loaded = clips.load_clips(project, settings(), "av-modules")
    assert list(loaded.specs) == ["mfcc", "crops"]
    expected = rows[rows["actor"].eq("01") & rows["emotion"].eq("calm")]["performance"]
    assert [set(array) for array in loaded.arrays.values()] == [set(expected)] * 2
