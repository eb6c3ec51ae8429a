"""The report of a comparison: its figures by hand, its counts, and what the gate makes of it."""

import json
from collections.abc import Sequence
from pathlib import Path

import mlflow
import numpy as np
import pytest
import yaml
from helpers.bundles import bundle_config
from helpers.lineage import new_lineage
from helpers.registered_versions import (
    NAME,
    ROOT,
    new_network,
    new_predictions,
    new_project,
    register_version,
)
from helpers.shadow_reports import noted_clips, shadow_clip
from mlflow.entities.model_registry import ModelVersion, ModelVersionTag
from pydantic import ValidationError
from sklearn.metrics import cohen_kappa_score

from avemo.cli import main
from avemo.config import load_settings
from avemo.errors import AvemoError
from avemo.registry import gate, rules
from avemo.registry.rules import RuleResult
from avemo.registry.shadow_figures import make_report
from avemo.registry.shadow_report import ComparedClip, ShadowCounts, ShadowReport, read_report
from avemo.registry.shadow_store import local_folder, read_stored_report, store_report
from avemo.registry.version import OpenedVersion
from avemo.settings import ShadowLimits
from avemo.tracking import integrity
from avemo.tracking.integrity import SHADOW_FILE

LIKE = [shadow_clip("sad", "sad", source=number % 12, distance=0.01) for number in range(60)]


def random_clips(seed: int) -> list[ComparedClip]:
    """Clips of three emotions, of which the second version takes some for another."""
    random = np.random.default_rng(seed)
    emotions = ["sad", "calm", "happy"]
    return [
        shadow_clip(
            emotions[random.integers(3)],
            emotions[random.integers(3)],
            source=int(random.integers(20)),
            distance=float(random.random()),
        )
        for _ in range(200)
    ]


def test_agreement_kappa_and_distance_are_those_of_their_definitions() -> None:
    clips = random_clips(1)
    figures = make_report(noted_clips(clips)).figures
    assert figures
    champion = [clip.champion_emotion for clip in clips]
    candidate = [clip.candidate_emotion for clip in clips]
    assert figures.agreement.value == np.mean(np.array(champion) == np.array(candidate))
    assert figures.kappa
    assert figures.kappa.value == pytest.approx(cohen_kappa_score(champion, candidate))
    distances = [clip.distance or 0.0 for clip in clips]
    assert figures.distance
    assert figures.distance.value == pytest.approx(np.mean(distances))
    assert figures.distance_q95
    assert figures.distance_q95.value == np.quantile(distances, 0.95, method="inverted_cdf")
    assert (figures.clips, figures.sources) == (200, 20)


def test_clips_of_one_source_say_less_than_clips_of_many() -> None:
    """Two sources in twenty disagree: the same clips as twenty of one each give less room."""

    def width(source_of: list[int]) -> float:
        clips = [
            shadow_clip("sad", "calm" if number < 20 else "sad", source=source)
            for number, source in enumerate(source_of)
        ]
        figures = make_report(noted_clips(clips)).figures
        assert figures
        assert figures.agreement.low is not None
        return figures.agreement.value - figures.agreement.low

    clustered = width([number // 10 for number in range(200)])
    assert clustered > 2 * width(list(range(200)))


def test_one_source_has_no_interval() -> None:
    figures = make_report(noted_clips([shadow_clip("sad", "sad") for _ in range(5)])).figures
    assert figures
    assert figures.agreement.low is None


def test_findings_stand_against_each_other_and_a_failure_agrees_with_nothing() -> None:
    clips = [
        *[shadow_clip("!silent", "!silent", distance=None)] * 4,
        shadow_clip("!silent", "sad", distance=1.0),
        shadow_clip("!silent", "", distance=1.0, failure="crash"),
        *[shadow_clip("sad", "sad")] * 3,
        shadow_clip("sad", "!voiceless", distance=1.0),
    ]
    report = make_report(noted_clips(clips))
    assert {(pair.champion, pair.candidate): pair.clips for pair in report.findings} == {
        ("silent", "silent"): 4,
        ("silent", "answered"): 1,
        ("silent", "failed"): 1,
        ("answered", "answered"): 3,
        ("answered", "voiceless"): 1,
    }
    assert report.figures
    assert (report.figures.clips, report.figures.agreement.value) == (6, 0.5)
    assert set(report.by_finding) == {"answered", "silent"}
    assert report.by_finding["silent"].agreement.value == pytest.approx(4 / 6)
    assert report.by_finding["answered"].agreement.value == 0.75
    costs = report.by_finding["silent"].candidate
    assert costs
    assert costs.answer_s.value == pytest.approx(0.3)


def test_counts_that_do_not_add_up_are_no_counts() -> None:
    counts = make_report(noted_clips(LIKE)).counts
    assert counts.requests == counts.not_drawn + counts.drawn
    assert counts.drawn == counts.attempts + counts.waiting + sum(counts.dropped.values())
    with pytest.raises(ValidationError, match="add up to"):
        ShadowCounts.model_validate(counts.model_dump() | {"not_drawn": 0})


def test_a_report_survives_its_file_and_is_strict_json(tmp_path: Path) -> None:
    report = make_report(noted_clips([shadow_clip("!silent", "!silent", distance=None)] * 3))
    report.write(tmp_path / SHADOW_FILE)
    assert read_report(tmp_path) == report
    text = (tmp_path / SHADOW_FILE).read_text()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    for cut in (text[: len(text) // 2], text.replace('"not_drawn": 7', '"not_drawn": 70'), ""):
        (tmp_path / SHADOW_FILE).write_text(cut)
        with pytest.raises(AvemoError, match="cut, damaged or of another release") as error:
            read_report(tmp_path)
        assert "\n" not in str(error.value)


SETTINGS = load_settings(ROOT)
LIMITS = ShadowLimits(min_compared=50, min_sources=5, min_agreement=0.9, max_distance=0.1)


class Version(OpenedVersion):
    """One whose folder holds a report, or nothing."""

    signature = None
    lineage = new_lineage()


def version(folder: Path, seal: str) -> OpenedVersion:
    tags = [ModelVersionTag(integrity.CHECKSUMS_TAG, seal)]  # type: ignore[no-untyped-call]
    return Version(ModelVersion(NAME, "1", 0, tags=tags), folder, None, bundle_config(), 1)


def shadow_rows(
    folder: Path, clips: Sequence[ComparedClip] | None, *, limits: ShadowLimits | None = LIMITS
) -> list[RuleResult]:
    """What the gate says of a candidate that was compared on some clips with the champion."""
    if clips is not None:
        make_report(noted_clips(clips)).write(folder / SHADOW_FILE)
    promotion = SETTINGS.promotion.model_copy(update={"shadow": limits})
    settings = SETTINGS.model_copy(update={"promotion": promotion})
    candidate, champion = version(folder, "b" * 64), version(folder, "a" * 64)
    results = rules.apply_rules(settings, candidate, champion, None)
    return [row for row in results if row.rule.endswith("in shadow")]


def clips_with(disagreeing: int) -> list[ComparedClip]:
    """Sixty clips of twelve sources, of which some have another answer."""
    other = [shadow_clip("sad", "calm", source=clip.source, distance=0.9) for clip in LIKE]
    return other[:disagreeing] + LIKE[disagreeing:]


def test_a_like_candidate_passes(tmp_path: Path) -> None:
    agreement, distance = shadow_rows(tmp_path, LIKE)
    assert (agreement.verdict, distance.verdict) == ("pass", "pass")
    assert agreement.candidate == "1.000 [1.000, 1.000]"
    assert agreement.champion == "60 clips, 12 sources"
    assert (agreement.limit, distance.limit) == ("at least 0.9", "at most 0.1")


@pytest.mark.parametrize(
    ("clips", "verdicts", "text"),
    [
        (clips_with(60), ["refused", "refused"], "0.000"),
        # the figure itself keeps the limit, and the bound of its interval does not
        (clips_with(5), ["refused", "refused"], "0.917 [0.8"),
        (LIKE[:40], ["refused", "refused"], "40 clips are compared, 50 are needed: let it go on"),
        (
            [clip._replace(source=clip.source % 3) for clip in LIKE],
            ["refused", "refused"],
            "3 sources are compared, 5 are needed: let it go on",
        ),
        ([clip._replace(distance=0.3) for clip in LIKE], ["pass", "refused"], "1.000"),
        (
            [
                shadow_clip("sad", "", source=n % 12, distance=1.0, failure="crash")
                for n in range(60)
            ],
            ["refused", "refused"],
            "0.000",
        ),
    ],
)
def test_each_of_these_comparisons_refuses(
    tmp_path: Path, clips: list[ComparedClip], verdicts: list[str], text: str
) -> None:
    rows = shadow_rows(tmp_path, clips)
    assert [row.verdict for row in rows] == verdicts
    assert rows[0].candidate.startswith(text)


def test_a_report_of_another_pair_or_none_does_not_count(tmp_path: Path) -> None:
    for row in shadow_rows(tmp_path, None):
        assert row.verdict == "refused"
        assert row.candidate == "it was not compared: avemo serve --shadow candidate"
    for seals, text in (
        ({"champion": "c" * 64}, "it was compared with version 1, which is not the champion now"),
        ({"candidate": "c" * 64}, "the report is of other files, version 2"),
    ):
        make_report(noted_clips(LIKE, **seals)).write(tmp_path / SHADOW_FILE)
        for row in shadow_rows(tmp_path, None):
            assert row.verdict == "refused"
            assert row.candidate.startswith(text)


def test_a_cut_report_is_a_line_in_the_table(tmp_path: Path) -> None:
    shadow_rows(tmp_path, LIKE)
    file = tmp_path / SHADOW_FILE
    file.write_text(file.read_text()[:300])
    assert {(row.verdict, row.candidate) for row in shadow_rows(tmp_path, None)} == {
        (
            "refused",
            "its shadow.json is cut, damaged or of another release: compare again: "
            "avemo serve --shadow candidate",
        )
    }


def test_without_a_champion_or_without_the_setting_nothing_is_refused(tmp_path: Path) -> None:
    assert shadow_rows(tmp_path, None, limits=None) == []
    promotion = SETTINGS.promotion.model_copy(update={"shadow": LIMITS})
    settings = SETTINGS.model_copy(update={"promotion": promotion})
    results = rules.apply_rules(settings, version(tmp_path, "b" * 64), None, None)
    verdicts = [row.verdict for row in results if row.rule.endswith("in shadow")]
    assert verdicts == ["no champion"] * 2


def test_the_setting_needs_no_more_than_its_name() -> None:
    assert SETTINGS.promotion.shadow is None
    assert ShadowLimits().min_sources >= 2
    with pytest.raises(ValidationError):
        ShadowLimits(min_sources=1)


@pytest.mark.slow
def test_a_report_in_the_registry(
    tmp_path: Path,
    registry: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It stands with its version, which stays as it was registered; the command and gate read it.

    Of two comparisons of the same versions, that of more clips stays.
    """
    project = new_project(tmp_path / "project")
    file = project.root / "params.yaml"
    params = yaml.safe_load(file.read_text())
    params["promotion"]["shadow"] = LIMITS.model_dump()
    file.write_text(yaml.safe_dump(params))
    monkeypatch.setenv("AVEMO_ROOT", str(project.root))
    table = new_predictions(0.85)
    for name, alias in (("a", "champion"), ("b", "candidate")):
        register_version(
            tmp_path / name, table, alias=alias, network=new_network("sad"), beside={"note": name}
        )
    client = mlflow.MlflowClient()
    candidate = client.get_model_version(NAME, "2")
    seals = {
        alias: str(client.get_model_version_by_alias(NAME, alias).tags[integrity.CHECKSUMS_TAG])
        for alias in ("champion", "candidate")
    }

    def report(clips: list[ComparedClip], started_at: str = "2026-01-01") -> ShadowReport:
        return make_report(noted_clips(clips, started_at=started_at, **seals))

    assert main(["registry", "shadow", "audio"]) == 1
    assert "was not compared: avemo serve --shadow candidate" in capsys.readouterr().err
    report(clips_with(30)).write(local_folder(NAME, "2") / SHADOW_FILE)
    assert main(["registry", "shadow", "audio"]) == 0
    out = capsys.readouterr().out
    assert "this machine has kept" in out
    assert "dropped: backlog-full" in out
    assert "answers otherwise than the champion" in out.splitlines()[-1]

    store_report(report(LIKE))
    store_report(report(LIKE[:55], started_at="2026-02-01"))
    stored = read_stored_report(NAME, "2")
    assert stored
    assert stored.counts.compared == 60
    assert integrity.verify_version(candidate) == []
    assert main(["registry", "shadow", "audio", "--version", "2"]) == 0
    out = capsys.readouterr().out
    assert "this machine has kept" not in out
    assert out.splitlines()[-1] == (
        f"{NAME} version 2 answers like the champion: avemo registry promote audio"
    )
    assert main(["registry", "shadow", "audio", "--json"]) == 0
    assert ShadowReport.model_validate_json(capsys.readouterr().out).counts.requests == 70
    check = gate.check_candidate(project, load_settings(project.root), NAME)
    assert check.result == "passed"
    assert [row.verdict for row in check.rules if row.rule.endswith("shadow")] == ["pass"] * 2

    (file,) = (tmp_path / "artifacts").rglob(SHADOW_FILE)
    file.write_text(file.read_text()[:300])
    assert main(["registry", "shadow", "audio"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "cut, damaged or of another release" in line
    store_report(report(LIKE[:55]))  # which replaces it
    assert main(["registry", "shadow", "audio"]) == 0
    assert sorted(path.name for path in file.parent.parent.iterdir()) == [file.parent.name]
