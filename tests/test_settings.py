from pathlib import Path

import pytest
import yaml

from avemo.config import load_settings
from avemo.errors import SettingsError
from avemo.features.registry import extractor_class
from avemo.paths import SETTINGS_FILE

ROOT = Path(__file__).parents[1]
ABSENT = object()


def changed(folder: Path, key: str, value: object) -> Path:
    """A copy of the repository's settings in which one key differs, or is absent."""
    content = yaml.safe_load((ROOT / SETTINGS_FILE).read_text(encoding="utf-8"))
    *parents, last = key.split(".")
    place = content
    for parent in parents:
        place = place[parent]
    if value is ABSENT:
        del place[last]
    else:
        place[last] = value
    (folder / SETTINGS_FILE).write_text(yaml.safe_dump(content), encoding="utf-8")
    return folder


def refused(folder: Path) -> str:
    with pytest.raises(SettingsError) as error:
        load_settings(folder)
    message = str(error.value)
    assert message.splitlines() == [message]
    return message


def test_the_repository_s_own_settings() -> None:
    settings = load_settings(ROOT)
    assert settings.split.folds == 6
    assert settings.extractors["mfcc"].model_dump()["coefficients"] == 30
    assert settings.faces.side_px == 224
    names = settings.search.audio.architectures
    assert names.index("whisper_linear") == names.index("whisper") + 1


def test_what_is_no_extractor_is_not_offered(tmp_path: Path) -> None:
    message = refused(changed(tmp_path, "extractors.guarded", {}))
    names = message.rpartition("takes ")[2].split(", ")
    assert {"logmel", "mfcc", "vggish", "whisper", "expression", "crops"} <= set(names)
    for name in names:
        assert extractor_class(name).name() == name
        assert extractor_class(name).modality in ("audio", "visual")


def test_all_channels(tmp_path: Path) -> None:
    settings = load_settings(changed(tmp_path, "baselines.channels", "all"))
    assert settings.baselines.channels == ["speech", "song", "both"]


@pytest.mark.parametrize("budget", ["quick", "full"])
def test_the_budget_that_is_named(tmp_path: Path, budget: str) -> None:
    settings = load_settings(changed(tmp_path, "search.budget", budget))
    assert settings.search.budget_of("audio") == getattr(settings.search.audio, budget)
    assert settings.search.audio.quick.trials < settings.search.audio.full.trials


def test_the_quick_budget_leaves_out_what_the_full_one_searches(tmp_path: Path) -> None:
    searches = {
        budget: load_settings(changed(tmp_path, "search.budget", budget)).search
        for budget in ("quick", "full")
    }
    assert searches["quick"].architectures_of("fused") == ["late_prior", "late", "attention"]
    assert searches["full"].architectures_of("fused") == [
        *("late_prior", "late", "attention", "modules", "stacking")
    ]


def test_an_architecture_that_is_not_listed_may_be_left_out(tmp_path: Path) -> None:
    search = load_settings(changed(tmp_path, "search.audio.quick.left_out", ["lstm"])).search
    assert "lstm" not in search.audio.architectures
    assert search.architectures_of("audio") == search.audio.architectures


def test_a_value_is_taken_over(tmp_path: Path) -> None:
    settings = load_settings(changed(tmp_path, "extractors.logmel.bands", 40))
    assert settings.extractors["logmel"].model_dump()["bands"] == 40


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("sed", 1, ["sed", "got 1"]),
        ("split.fold", 6, ["split.fold", "got 6"]),
        ("extractors.mfcc.bands", 64, ["extractors.mfcc.bands"]),
        ("faces.padding", 0.1, ["faces.padding"]),
        ("seed", "20", ["seed", "integer", "'20'"]),
        ("seed", True, ["seed", "integer"]),
        ("corpus", "sample", ["corpus", "'sample'"]),
        ("extractors.mfcc.coefficients", 30.5, ["extractors.mfcc.coefficients", "30.5"]),
        ("extractors.logmel", None, ["extractors.logmel"]),
        ("faces.frames", "8", ["faces.frames", "'8'"]),
        ("search.audio.architectures", "lstm", ["search.audio.architectures", "list"]),
        (
            "corpus.source",
            "web",
            ["corpus.source", "'zenodo' or 'manifest'", "'web'"],
        ),
        ("corpus.zenodo.actors", [1, 25], ["corpus.zenodo.actors", "24", "25"]),
        ("corpus.zenodo.channels", ["sung"], ["corpus.zenodo.channels", "'speech' or 'song'"]),
        ("engine", "spark", ["engine", "'local' or 'ray'", "'spark'"]),
        ("catalogue.findings.clipped", "drop", ["catalogue.findings.clipped", "'drop'"]),
        ("catalogue.findings.loud", "warn", ["catalogue.findings.loud"]),
        ("catalogue.findings.clipped", ABSENT, ["catalogue.findings", "clipped"]),
        ("faces.detector_side_px", 32, ["faces.detector_side_px", "128", "32"]),
        ("corpus.sample.actors", 25, ["corpus.sample.actors", "24", "25"]),
        ("catalogue.max_set_aside", 5, ["catalogue.max_set_aside", "1", "5"]),
        ("catalogue.silence_dbfs", float("nan"), ["catalogue.silence_dbfs", "nan"]),
        ("split.protocol", "speaker", ["split.protocol", "'speaker'"]),
        ("extractors.mfcc.high_hz", 8001.0, ["extractors.mfcc", "high_hz", "8001"]),
        ("extractors.logmel.hop_ms", 26.0, ["extractors.logmel", "hop_ms", "window_ms"]),
        ("extractors.store", {}, ["extractors", "'store'", "logmel, mfcc"]),
        ("extractors.opensmile", {}, ["extractors", "'opensmile'", "logmel, mfcc"]),
        ("search.audio.architectures", ["rnn"], ["search.audio.architectures", "'rnn'", "lstm"]),
        ("search.audio.sampling_order", ["rnn"], ["audio.sampling_order", "rnn", "whisper_linear"]),
        ("search.fused.architectures", ["cnn"], ["search.fused.architectures", "'cnn'"]),
        ("search.visual.architectures", [], ["search.visual.architectures", "[]"]),
        ("search.audio.fallback", ["rnn"], ["search.audio.fallback", "'rnn'", "cnn", "lstm"]),
        ("search.audio.fallback", ["whisper"], ["search", "audio", "contains duplicates"]),
        ("search.audio.fallback", ABSENT, ["search.audio.fallback", "required"]),
        ("search.audio.judged_on", "folds", ["search.audio.judged_on", "not permitted"]),
        ("training", {"epochs": 40, "patience": 8}, ["training", "not permitted"]),
        ("search.fused.full.members", 4, ["search", "fused: members must be 1"]),
        ("search.audio.quick.members", 0, ["search.audio.quick.members", "0"]),
        ("search.audio.full.epochs", 12.5, ["search.audio.full.epochs", "12.5"]),
        ("search.audio.quick.left_out", ["rnn"], ["audio.quick.left_out", "rnn", "prosody"]),
        (
            "search.fused.full.left_out",
            ["late_prior", "late", "attention", "modules", "stacking"],
            ["at least one"],
        ),
        ("corpus.sample.intensities", ["loud"], ["corpus.sample.intensities", "'loud'"]),
        ("search.audio.quick.trials", ABSENT, ["search.audio.quick.trials", "required"]),
        ("search.audio.full", ABSENT, ["search.audio.full", "required"]),
        ("search.budget", "long", ["search.budget", "'quick' or 'full'", "'long'"]),
        ("search.workers", 0, ["search.workers", "0"]),
        ("baselines.channels", ["sung"], ["baselines.channels", "'speech', 'song' or 'both'"]),
        ("baselines.channels", ["song", "song"], ["baselines.channels", "contains duplicates"]),
        ("baselines.protocols", "actor", ["baselines.protocols", "list", "'actor'"]),
        ("baselines.protocols", [], ["baselines.protocols", "[]"]),
        ("baselines.patience", 0, ["baselines.patience", "0"]),
        ("split.valid_fold", 1, ["split", "test_fold", "valid_fold"]),
        ("split.test_fold", 7, ["split", "at most folds, 6"]),
        ("seed", ABSENT, ["seed", "required"]),
        ("search.visual", ABSENT, ["search.visual", "required"]),
        ("extractors.mfcc.low_hz", ABSENT, ["extractors.mfcc.low_hz", "required"]),
    ],
)
def test_a_wrong_key_type_or_value_is_named(
    tmp_path: Path, key: str, value: object, named: list[str]
) -> None:
    message = refused(changed(tmp_path, key, value))
    assert [word for word in [SETTINGS_FILE, *named] if word not in message] == []


def test_a_visual_extractor_is_none_of_the_audio_extractors(tmp_path: Path) -> None:
    faces = yaml.safe_load((ROOT / SETTINGS_FILE).read_text(encoding="utf-8"))["faces"]
    assert "extractors" in refused(changed(tmp_path, "extractors.faces", faces))


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"seed: 1\nsplit: [1", "line 2"),
        (b"seed: 1\n\tsplit: 2\n", "line 2"),
        (b"seed: *anchor\n", "anchor"),
        (b"seed: \x00\n", "special character"),
        ("seed: 1\n".encode("utf-16"), "no YAML"),
        (b"# caf\xe9\nseed: 1\n", "no YAML"),
        (b"", "all of it"),
        (b"- 1\n", "all of it"),
    ],
    ids=["open", "tab", "alias", "control", "utf-16", "latin-1", "empty", "list"],
)
def test_what_is_no_yaml_is_refused(tmp_path: Path, content: bytes, named: str) -> None:
    (tmp_path / SETTINGS_FILE).write_bytes(content)
    message = refused(tmp_path)
    assert SETTINGS_FILE in message
    assert named in message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert str(tmp_path / SETTINGS_FILE) in refused(tmp_path)
