from pathlib import Path

from avemo.config import load_settings
from avemo.corpus.published import count_recordings, estimate_durations
from avemo.settings import Settings

ROOT = Path(__file__).parents[2]


def selecting(**zenodo: object) -> Settings:
    settings = load_settings(ROOT)
    changed = settings.corpus.zenodo.model_copy(update=zenodo)
    corpus = settings.corpus.model_copy(update={"zenodo": changed})
    return settings.model_copy(update={"corpus": corpus})


def total_s(settings: Settings) -> float:
    return sum(part.seconds for part in estimate_durations(settings))


def test_the_published_files_are_7356() -> None:
    everything = selecting(modalities=["audio", "video"]).corpus.zenodo
    assert count_recordings(everything) == (1440 + 1012, 2 * (1440 + 1012))
    song = selecting(channels=["song"], actors=[17, 18, 18]).corpus.zenodo
    assert count_recordings(song) == (44, 0)


def test_stages_that_take_films_are_named_where_there_are_any() -> None:
    names = {part.stages for part in estimate_durations(selecting())}
    assert "search and train: audio" in names
    assert not any("visual" in name or "fused" in name for name in names)
    films = {part.stages for part in estimate_durations(selecting(modalities=["audio", "video"]))}
    assert films > names


def test_more_recordings_and_longer_searches_take_longer() -> None:
    speech = total_s(selecting(channels=["speech"]))
    assert total_s(selecting(channels=["speech"], actors=[1])) < speech < total_s(selecting())
    settings = selecting()
    full = settings.search.model_copy(update={"budget": "full"})
    assert total_s(settings.model_copy(update={"search": full})) > 2 * total_s(settings)
