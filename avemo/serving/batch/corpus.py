"""How a registered version does on people of one corpus: a prediction for each of its clips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from ...corpus.adapters.registry import corpus_title
from ...corpus.labelled_clips import LabelledClips, gather_clips
from ...errors import AvemoError, CorpusError, MediaError, join_names
from ...evaluation import metrics
from ...evaluation.bootstrap import Bootstrap
from ...media.clip import Clip
from ...paths import Project
from ...records import BundleConfig, CorpusEvaluation
from ...registry.pinned import PinnedVersions
from ...registry.predictor import PRIOR, Champions, RegisteredModel
from ...registry.version import read_bundle, read_lineage, recorded_predictions
from ...settings import Settings
from ...tracking.lookup import Version
from .clips import NamedClip
from .journal import Journal
from .predict import BatchRow, PredictClips
from .task import identify, run_task

__all__ = ["Evaluated", "evaluate_corpus"]


@dataclass(frozen=True)
class Evaluated:
    """An evaluation and what it was made of.

    Args:
        evaluation: the figures
        table: a row a file of the corpus: `file`, below the corpus's folder; corpus, speaker, sex;
            `emotion`, the corpus's own; `true`, its class; `predicted`, `right`, `unsure`,
            `p_CLASS`; `finding` and `reason` where it has no prediction
        passed_over: by reason, files that are named otherwise than the corpus's
    """

    evaluation: CorpusEvaluation
    table: pd.DataFrame
    passed_over: dict[str, list[str]]


@dataclass(frozen=True)
class _Opened:
    """The version that answers, and what its files say.

    Args:
        version: in the registry, or the untrained prior
        folder: its files; None for the prior that is in no registry
        bundle: likewise
        classes: that it tells apart
    """

    version: Version
    folder: Path | None
    bundle: BundleConfig | None
    classes: tuple[str, ...]


def evaluate_corpus(
    project: Project,
    settings: Settings,
    path: Path,
    *,
    corpus: str | None = None,
    uri: str | None = None,
    workers: int = 1,
    report: Callable[[str], None] = lambda activity: None,
    stop_reporting: Callable[[], None] = lambda: None,
) -> Evaluated:
    """Predict for each clip of a corpus, and compare with what its people acted.

    A journal keeps each prediction as soon as it is there: after a stop, the same call goes on.

    Args:
        project: keeps the journal
        settings: say what the corpus's emotions count as, and how intervals are made
        path: as `gather_clips` takes it
        corpus: likewise
        uri: of the version that answers, or `prior`; by default the champion for the streams of the
            first clip that can be read: the fused one where it has sound and picture
        workers: processes on this machine
        report: is called with what is about to be done
        stop_reporting: is called before the first bar

    Raises:
        AvemoError: no version can answer, or none of the clips has an answer
        CorpusError: there is no such corpus
    """
    scratch = project.scratch / "corpora"
    scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=scratch) as temporary:
        report(f"reading {path}")
        clips = gather_clips(path, corpus, settings.labels, Path(temporary, "corpus"))
        usable = clips.rows["path"][clips.rows["finding"].eq("")]
        versions = _pin_version(uri, [clips.folder / name for name in usable], report)
        opened = _open_version(versions, settings, report)
        rows = _leave_out(clips.rows, opened)
        stop_reporting()
        named = [
            NamedClip(str(clips.folder / name), name)
            for name in rows["path"][rows["finding"].eq("")]
        ]
        items = identify(named, show_progress=True)
        with Journal(scratch / f"{clips.corpus}.journal") as journal:
            results = {
                item.clip.below: row
                for item, row in run_task(
                    PredictClips(versions),
                    items,
                    journal,
                    workers=workers,
                )
            }
    return _summarise(replace(clips, rows=rows), results, opened, Bootstrap.from_settings(settings))


def _pin_version(
    uri: str | None, files: Sequence[Path], report: Callable[[str], None]
) -> PinnedVersions:
    """Return the one version that answers for all clips."""
    versions = PinnedVersions.resolve(uri, report=report)
    if uri:
        if versions.version is None:
            raise AvemoError(
                f"{uri} names no registered version, such as models:/avemo-audio@champion: `avemo "
                "status` lists what is registered"
            )
        return versions
    champions = Champions(report, versions.champions)
    reason = "it has none that can be used"
    for file in files:
        try:
            version = champions.model_for(Clip(file)).version
        except MediaError as error:
            reason = f"{file.name}: {error}"
            continue
        assert version
        return replace(versions, uri=version.uri, version=version, champions={})
    raise CorpusError(f"no champion can answer for a clip of this corpus: {reason}")


def _open_version(
    versions: PinnedVersions, settings: Settings, report: Callable[[str], None]
) -> _Opened:
    assert versions.version
    if versions.uri == PRIOR:
        return _Opened(versions.version, None, None, tuple(settings.labels.classes))
    model = RegisteredModel(versions.uri, report=report)
    model.version = versions.version
    bundle = read_bundle(model.folder)
    return _Opened(versions.version, model.folder, bundle, tuple(bundle.classes))


def _leave_out(rows: pd.DataFrame, opened: _Opened) -> pd.DataFrame:
    """Return the rows with a finding for each whose class the version does not have."""
    unknown = rows["finding"].eq("") & ~rows["emotion"].isin(opened.classes)
    reason = rows["emotion"] + f" is no class of {opened.version.label}"
    return rows.assign(
        finding=rows["finding"].mask(unknown, "left-out"),
        reason=rows["reason"].mask(unknown, reason),
    )


def _summarise(
    clips: LabelledClips, results: dict[str, BatchRow], opened: _Opened, bootstrap: Bootstrap
) -> Evaluated:
    rows, version, bundle = clips.rows, opened.version, opened.bundle
    table = _join(rows, results, opened.classes)
    answered = table[table["finding"].eq("")]
    failed = table[~table["finding"].isin(["", "left-out"])]
    if answered.empty:
        reasons = [f"{row.file}: {row.reason}" for row in failed.itertuples()]
        raise AvemoError(
            f"none of the {len(table):,} clips of {clips.title} has an answer: "
            + (join_names(reasons, 3) or "all are left out by labels.corpora in params.yaml")
        )
    predictions = answered.rename(columns={"file": "performance", "speaker": "actor"})
    recorded = recorded_predictions(opened.folder) if opened.folder else None
    lineage = read_lineage(opened.folder) if opened.folder else None
    trained_on = bundle.trained_on.corpora if bundle else []
    left_out = table[table["finding"].eq("left-out")]
    evaluation = CorpusEvaluation(
        corpus=clips.corpus,
        title=clips.title,
        model=version.name,
        number=version.number,
        run_id=lineage.run_id if lineage else "",
        untrained=bundle.untrained if bundle else True,
        synthetic=version.synthetic,
        trained_on=[corpus_title(name) for name in trained_on],
        familiar=clips.corpus in trained_on,
        right=int(answered["right"].sum()),
        figures=metrics.intervals(predictions, bootstrap),
        chance_level=metrics.chance_level(predictions["true"]),
        test=metrics.intervals(recorded, bootstrap) if recorded is not None else None,
        left_out=_count(left_out["reason"]),
        failed=_count(failed["finding"]),
        one_stream=sum(
            bool(row.prediction.reason and not row.prediction.finding) for row in results.values()
        ),
    )
    return Evaluated(evaluation, table, clips.passed_over)


def _join(
    rows: pd.DataFrame, results: dict[str, BatchRow], classes: tuple[str, ...]
) -> pd.DataFrame:
    """Return `Evaluated.table`."""
    table = pd.DataFrame(
        {
            "file": rows["path"],
            "corpus": rows["corpus"],
            "speaker": rows["actor"],
            "sex": rows["sex"],
            "emotion": rows["corpus_emotion"],
            "true": rows["emotion"].where(rows["finding"].ne("left-out"), ""),
        }
    )
    predictions = [results[name].prediction if name in results else None for name in rows["path"]]
    table["predicted"] = [own.emotion if own else "" for own in predictions]
    table["right"] = table["predicted"].ne("") & table["predicted"].eq(table["true"])
    table["unsure"] = [own.unsure if own else False for own in predictions]
    for column, name in zip(metrics.probability_columns(classes), classes, strict=True):
        table[column] = [
            own.probabilities.get(name, float("nan")) if own else float("nan")
            for own in predictions
        ]
    for column in ("finding", "reason"):
        table[column] = [
            getattr(own, column) if own else known
            for known, own in zip(rows[column], predictions, strict=True)
        ]
    return table


def _count(values: pd.Series[str]) -> dict[str, int]:
    return {str(value): int(count) for value, count in values.value_counts().items()}
