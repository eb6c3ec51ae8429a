"""The champion's recipe on speech, on song and on both."""

import re
from pathlib import Path

import pytest
from helpers.results import publish

from avemo.config import load_settings
from avemo.errors import AvemoError
from avemo.evaluation import metrics, paired
from avemo.evaluation.bootstrap import Bootstrap
from avemo.records import Interval
from avemo.report import published
from avemo.report.channels import Difference
from avemo.report.pages import render_results, write_pages
from avemo.report.scored import score

SETTINGS = load_settings(Path(__file__).parents[2])
BOOTSTRAP = Bootstrap(200, 0.95, 20)


def page(folder: Path, **champions: float) -> str:
    publish(folder, systems=(), champions=champions)
    return render_results(score(published.read(folder), BOOTSTRAP, SETTINGS.abstention))


def section(page: str, title: str) -> str:
    return page.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_each_channel_and_both_s_two(tmp_path: Path) -> None:
    text = page(tmp_path / "audio", speech=2.0, song=2.0, both=2.5)
    kept = published.read(tmp_path / "audio")
    tables, networks = kept.predictions, len(kept.manifest.champions[0].folds[0].members)
    both = tables["champion/both.csv"]
    expected = {
        ("speech", "speech"): tables["champion/speech.csv"],
        ("song", "song"): tables["champion/song.csv"],
        ("both", "both"): both,
        ("both", "speech of both"): both[both["channel"].eq("speech")],
        ("both", "song of both"): both[both["channel"].eq("song")],
    }
    listed = section(text, "Speech and song")
    for (trained, tested), rows in expected.items():
        figures = metrics.intervals(rows, BOOTSTRAP)
        emotions = rows["true"].nunique()
        counts = f"{len(rows)} | 12 | {emotions} | {1 / emotions:.3f}"
        cells = f"{counts} | {figures['uar']} | {figures['accuracy']}"
        assert f"| {trained} | {networks} | {tested} | {cells} |" in listed
    assert f"| song | {networks} | song | 288 | 12 | 6 | 0.167 |" in listed
    speech = metrics.intervals(tables["champion/speech.csv"], BOOTSTRAP)
    assert f"**UAR {speech['uar']}" in text.partition("\n## ")[0]
    assert "From here on, of speech." in text
    assert "different commits" not in listed


@pytest.mark.slow
def test_what_the_other_channel_adds(tmp_path: Path) -> None:
    text = section(page(tmp_path / "audio", speech=1.0, song=4.0, both=2.5), "Speech and song")
    tables = published.read(tmp_path / "audio").predictions
    effects = {"speech": ("song", "helps"), "song": ("speech", "harms")}
    for channel, (other, effect) in effects.items():
        alone = tables[f"champion/{channel}.csv"]
        figures = paired.paired_bootstrap(tables["champion/both.csv"], alone, BOOTSTRAP)
        difference = f"{figures['uar']:+}"
        row = f"| {channel} | {len(alone)} | 12 | {difference} | {figures['accuracy']:+} |"
        assert row in text
        sentence = f"Training {channel} with {other} as well {effect} {channel}: UAR {difference}."
        assert sentence in text


@pytest.mark.parametrize(
    ("uar", "effect"),
    [
        (Interval(0.02, 0.01, 0.03), "helps"),
        (Interval(-0.02, -0.03, -0.01), "harms"),
        (Interval(0.02, -0.01, 0.05), ""),
        (Interval(0.02, 0.0, 0.05), ""),
        (Interval(0.02), ""),  # a single actor
    ],
)
def test_the_sentence_follows_from_the_interval(uar: Interval, effect: str) -> None:
    assert Difference("speech", "song", uar, uar).effect == effect


@pytest.mark.slow
def test_no_difference(tmp_path: Path) -> None:
    text = section(page(tmp_path / "audio", speech=2.0, both=2.0), "Speech and song")
    sentence = "Training speech with song as well makes no difference to speech that can be seen: "
    assert sentence in text
    assert "Training song with speech" not in text


@pytest.mark.slow
def test_song_alone(tmp_path: Path) -> None:
    text = page(tmp_path / "audio", song=2.0)
    head = text.partition("\n## ")[0]
    assert "song, 6 emotions, 288 performances of 12 actors" in head
    assert "Whisper tiny.en" not in head  # that figure is of speech
    assert "## Speech and song" not in text
    assert "disgust" not in section(text, "By emotion")


@pytest.mark.slow
def test_the_pages_of_song_alone(tmp_path: Path) -> None:
    publish(tmp_path / published.FOLDER, systems=(), champions={"song": 2.0})
    evaluation = SETTINGS.evaluation.model_copy(update={"resamples": 100})
    write_pages(tmp_path, SETTINGS.model_copy(update={"evaluation": evaluation}))
    experiments = (tmp_path / "docs/experiments.md").read_text()
    assert re.findall(r"^## .*", experiments, re.MULTILINE) == ["## Song"]


def test_predictions_of_another_channel(tmp_path: Path) -> None:
    folder = publish(tmp_path / "audio", systems=(), champions={"speech": 2.0, "song": 2.0})
    for name in ("", "-uncalibrated"):
        speech = folder / f"champion/speech{name}.csv"
        speech.write_bytes((folder / f"champion/song{name}.csv").read_bytes())
    with pytest.raises(AvemoError, match=r"champion/speech\.csv: it is of song, and by runs\.json"):
        published.read(folder)


@pytest.mark.slow
def test_what_is_published_in_this_checkout() -> None:
    root = Path(__file__).parents[2]
    manifest = published.read(root / published.FOLDER).manifest
    assert manifest.champion("speech") == manifest.headline
    assert not any(champion.synthetic for champion in manifest.champions)
