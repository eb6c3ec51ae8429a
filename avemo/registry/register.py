"""Trained models as versions in MLflow's registry, each able to answer by itself.

A version is created in one write, once all that belongs to it is complete: its files are stored and
sealed, and it answered as recorded in a clean process. Only then does it get its aliases. What an
interrupted registration left is replaced by the next one of the same run.
"""

import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode

from ..corpus.licences import list_licences
from ..corpus.selection import read_catalogue
from ..datasets import load
from ..evaluation.predictions import read_predictions, write_predictions
from ..inference.pyfunc import MEDIA, MODEL
from ..modalities import Modality
from ..models.bundle import Bundle
from ..paths import Project
from ..records import EvaluationResult, ModalityResult, RegisteredVersion, Registration
from ..settings import SYNTHETIC_LABEL, Settings
from ..tracking import dvc_lock, integrity, runs
from ..tracking.descriptions import MODELS, shorten
from ..tracking.git_state import DIFF
from ..tracking.lineage import FILE, Lineage
from ..tracking.lookup import CLASSES_TAG
from . import card, packaging, smoke_test
from .aliases import CANDIDATE, CHAMPION, model_name
from .example import write_example
from .history import new_move, parse_moves, write_move
from .other_corpora import read_evaluations
from .prior import reason_for_prior
from .profile import write_profile
from .version import PREDICTIONS, PRIOR_PREDICTIONS

__all__ = ["register"]

log = logging.getLogger(__name__)

#: of a logged model: whether its registration came to its end
_COMPLETE = "avemo.complete"

#: logged models of an interrupted registration, with the versions that point to each
Unfinished = dict[str, list[str]]


def register(project: Project, settings: Settings, evaluation: EvaluationResult) -> Registration:
    """Register a version of each trained model.

    It becomes `candidate`. The first version of a model becomes `champion` too, because there is
    nothing to compare it with: so does the first one trained on recordings, after those of the
    synthetic sample. Every later champion is promoted. Where a trained model is not shown to be as
    good as the untrained prior of its modality, the prior is registered in its place. A version
    that takes imported features never becomes the champion. A run that is registered again takes
    the place of its own version as champion where the files of that one are damaged.

    Args:
        project: with the trained models
        settings: with those of the model card
        evaluation: of the trained models

    Raises:
        AvemoError: the run is not in the tracking store, or the model does not answer in a clean
            process as it did in `evaluate`
    """
    results = evaluation.modalities.items()
    return Registration(
        versions={
            modality: _register_model(project, settings, modality, result)
            for modality, result in results
            if not result.skipped
        },
        skipped={modality: result.skipped for modality, result in results if result.skipped},
    )


def _register_model(
    project: Project, settings: Settings, modality: Modality, result: ModalityResult
) -> RegisteredVersion:
    client = MlflowClient()
    name = model_name(modality)
    prior_reason = reason_for_prior(settings, result)
    bundle = Bundle(project.prior(modality) if prior_reason else project.trained(modality))
    subject = _card_subject(project, bundle, result, prior_reason)
    with runs.reopen(result.run_id):
        unfinished = _find_unfinished(client, name, result.run_id)
        model_id = _log_model(project, settings, bundle, subject)
    tags = _version_tags(settings, subject, result)
    tags[integrity.CHECKSUMS_TAG] = integrity.seal_model(model_id)
    tags["avemo.repeated"] = _smoke_test(project, settings, modality, model_id, subject)
    version = _create_version(client, model_id, result.run_id, tags, subject, settings)
    if not_champion := _refuse_champion(subject):
        client.set_registered_model_alias(name, CANDIDATE, version)
        aliases = [CANDIDATE]
    else:
        aliases = _set_aliases(client, project.root, name, version, unfinished)
    client.set_logged_model_tags(model_id, {_COMPLETE: "true"})
    _delete_unfinished(client, name, unfinished)
    if not (subject.lineage and subject.lineage.commit):
        log.warning(
            f"register: {name} version {version} carries no commit, because it was trained outside "
            "Git: it can be neither promoted nor rebuilt; commit the project, then train again: "
            "dvc repro --force"
        )
    return RegisteredVersion(
        name=name,
        version=version,
        model_id=model_id,
        run_id=result.run_id,
        aliases=aliases,
        not_champion=not_champion,
        prior_reason=prior_reason,
    )


def _refuse_champion(subject: card.Subject) -> str:
    """Return why a version can never become the champion; empty if it may."""
    if imported := subject.bundle.imported_features:
        return (
            f"features: imported: {imported} cannot be computed from a film; for a champion, "
            "search architectures whose features avemo computes"
        )
    return ""


def _card_subject(
    project: Project, bundle: Bundle, result: ModalityResult, prior_reason: str
) -> card.Subject:
    modality, prior = bundle.config.modality, result.prior
    prior_predictions = None
    if prior and prior.test:
        prior_predictions = read_predictions(project.evaluation / f"{modality}_prior.csv")
    predictions = prior_predictions
    if not prior_reason:
        file = project.evaluation / f"{modality}.csv"
        predictions = read_predictions(file) if result.test else None
    return card.Subject(
        name=model_name(modality),
        bundle=bundle.config,
        lineage=_read_lineage(result.run_id),
        predictions=predictions,
        licences=packaging.weight_licences(bundle),
        corpus_licences=_list_corpus_licences(project, bundle),
        prior=prior,
        prior_predictions=prior_predictions,
        prior_reason=prior_reason,
        other_corpora=read_evaluations(
            project, model_name(modality), result.run_id, untrained=bool(prior_reason)
        ),
    )


def _list_corpus_licences(project: Project, bundle: Bundle) -> dict[str, str]:
    corpora = bundle.config.trained_on.corpora
    return list_licences(read_catalogue(project.catalogue, "corpus"), corpora) if corpora else {}


def _read_lineage(run_id: str) -> Lineage | None:
    """Return a run's lineage; None where it logged none."""
    uri = f"runs:/{run_id}/{FILE}"
    with suppress(mlflow.MlflowException, OSError):
        return Lineage.parse(mlflow.artifacts.load_dict(uri), uri)
    return None


def _log_model(project: Project, settings: Settings, bundle: Bundle, subject: card.Subject) -> str:
    """Log the model with all its files, and return its id; no version points to it yet."""
    input_example = packaging.input_example(settings.seed)
    with (
        packaging.package_model(bundle) as packaged,
        _extra_files(project, settings, subject) as extra_files,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # about type hints and input examples in general
        model = mlflow.pyfunc.log_model(
            name=MODEL,
            python_model=str(packaged.script),
            artifacts={MODEL: str(packaged.folder)},
            code_paths=[str(packaged.code)],
            pip_requirements=packaging.pip_requirements(bundle),
            signature=packaging.signature(bundle.config.classes),
            input_example=input_example,
            tags={_COMPLETE: "false"},
        )
        write_example(packaged, input_example[MEDIA].iloc[0], extra_files)
        MlflowClient().log_model_artifacts(model.model_id, str(extra_files))
    return str(model.model_id)


@contextmanager
def _extra_files(project: Project, settings: Settings, subject: card.Subject) -> Iterator[Path]:
    """Yield a folder with what stands beside MLflow's own files.

    Lineage with what a rebuild takes, recorded predictions, profile of the validation data and
    model card.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if lineage := subject.lineage:
            names = [FILE, *([dvc_lock.LOCK] if lineage.data else []), *([DIFF] * lineage.dirty)]
            for name in names:
                uri = f"runs:/{lineage.run_id}/{name}"
                mlflow.artifacts.download_artifacts(uri, dst_path=temporary)
        tables = {PREDICTIONS: subject.predictions, PRIOR_PREDICTIONS: subject.prior_predictions}
        for name, predictions in tables.items():
            if predictions is not None:
                write_predictions(folder / name, predictions)
        if not subject.prior_reason:  # the prior was not validated
            write_profile(project, subject.bundle.modality, folder)
        text = card.render_markdown(subject, settings)
        (folder / "model_card.md").write_text(text, encoding="utf-8")
        (folder / "model_card.html").write_text(card.render_html(subject, text), encoding="utf-8")
        yield folder


def _smoke_test(
    project: Project, settings: Settings, modality: Modality, model_id: str, subject: card.Subject
) -> str:
    """Try the logged model in a clean process, and return in words how well it answers."""
    rows = subject.predictions
    finding = "imported" if subject.bundle.imported_features else ""
    if rows is None or rows.empty:
        smoke_test.check_reproduces(model_id, None, expected_finding=finding)
        return "its input example alone"
    data = load(project, list(subject.bundle.inputs), settings.labels.classes).part("test")
    performances = [] if finding else list(smoke_test.sample_rows(rows)["performance"])
    sources = smoke_test.performance_sources(project, modality, performances)
    difference = smoke_test.check_reproduces(
        model_id, rows, data, sources, expected_finding=finding
    )
    return (
        f"{len(rows)} performances from features, {len(sources)} from files, "
        f"within {difference:.1g}"
    )


def _version_tags(
    settings: Settings, subject: card.Subject, result: ModalityResult
) -> dict[str, str]:
    test = result.prior.test if result.prior and subject.prior_reason else result.test
    tags = {
        "avemo.architecture": subject.bundle.architecture,
        CLASSES_TAG: ",".join(subject.bundle.classes),
        "avemo.corpus": settings.corpus.label,
        "avemo.test": f"UAR {test['uar'].value:.3f}" if test else result.no_test_data,
        "avemo.weights": subject.licences,
    }
    if subject.corpus_licences:
        stated = (f"{corpus}: {licence}" for corpus, licence in subject.corpus_licences.items())
        tags["avemo.corpus_licences"] = "; ".join(stated)
    if imported := subject.bundle.imported_features:
        tags["avemo.features"] = f"imported: {imported}"
    if subject.prior_reason:
        tags["avemo.prior"] = subject.prior_reason
    if abstention := subject.bundle.abstention:
        tags["avemo.abstention"] = str(abstention)
    if adaptation := subject.bundle.adaptation:
        tags["avemo.adaptation"] = str(adaptation)
    if lineage := subject.lineage:
        tags |= {
            "avemo.commit": lineage.commit or "none",
            "avemo.dirty": str(lineage.dirty).lower() if lineage.commit else "unknown",
            "avemo.split": lineage.split_id,
            "avemo.protocol": lineage.protocol,
            "avemo.seed": str(lineage.seed),
        }
        if lineage.choice:
            tags["avemo.search_run"] = lineage.choice.search_run_id
    return tags


def _create_version(
    client: MlflowClient,
    model_id: str,
    run_id: str,
    tags: dict[str, str],
    subject: card.Subject,
    settings: Settings,
) -> str:
    """Create the version, with tags and description, in one write, and return its number."""
    name = subject.name
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name, description=MODELS.get(name))
    version = client.create_model_version(
        name,
        f"models:/{model_id}",
        run_id,
        tags=tags,
        description=shorten(card.render_markdown(subject, settings)),
        model_id=model_id,
    )
    return str(version.version)


def _set_aliases(
    client: MlflowClient, root: Path, name: str, version: str, unfinished: Unfinished
) -> list[str]:
    """Make a version the candidate, and the champion where there is none that can answer.

    That is none, an unfinished one, or one of the same run whose files are gone or were changed.
    """
    client.set_registered_model_alias(name, CANDIDATE, version)
    model = client.get_registered_model(name)
    unfinished_versions = {number for numbers in unfinished.values() for number in numbers}
    champion = str(model.aliases.get(CHAMPION, ""))
    if champion in unfinished_versions:
        champion = ""
    if champion and not _may_replace(client, name, champion, version):
        return [CANDIDATE]
    moves = parse_moves(model.tags)
    for move in moves:
        if move.target in unfinished_versions:
            write_move(client, name, move.with_state("interrupted"))
    move = new_move(moves, root, "register", source=champion, target=version)
    write_move(client, name, move)
    client.set_registered_model_alias(name, CHAMPION, version)
    write_move(client, name, move.with_state("done"))
    return [CANDIDATE, CHAMPION]


def _may_replace(client: MlflowClient, name: str, champion: str, version: str) -> bool:
    """Return whether a version becomes the champion in another's place, without a comparison."""
    former, own = (client.get_model_version(name, number) for number in (champion, version))
    return _is_first_real(former, own) or _is_damaged_twin(client, former, own)


def _is_first_real(champion: ModelVersion, version: ModelVersion) -> bool:
    """Return whether the champion is of the synthetic sample, and a version of recordings."""
    former, own = (entry.tags.get("avemo.corpus", "") for entry in (champion, version))
    return bool(former == SYNTHETIC_LABEL != own)


def _is_damaged_twin(client: MlflowClient, champion: ModelVersion, version: ModelVersion) -> bool:
    """Return whether the champion is of a version's own run, and its files are not intact.

    Raises:
        MlflowException, OSError: they are there and cannot be read, which says nothing of them
    """
    if champion.run_id != version.run_id:
        return False
    try:
        return bool(integrity.verify_version(champion))
    except (mlflow.MlflowException, OSError):
        if _has_files(client, champion):
            raise
        return True


def _has_files(client: MlflowClient, version: ModelVersion) -> bool:
    try:
        return bool(client.list_logged_model_artifacts(integrity.logged_model_id(version)))
    except mlflow.MlflowException as error:
        if error.error_code != ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
            raise
        return False


def _find_unfinished(client: MlflowClient, name: str, run_id: str) -> Unfinished:
    """Return what interrupted registrations of a run left."""
    experiment = client.get_run(run_id).info.experiment_id
    models = client.search_logged_models(
        [experiment], f"source_run_id = '{run_id}' AND tags.`{_COMPLETE}` = 'false'"
    )
    versions = client.search_model_versions(f"name = '{name}'") if models else []
    return {
        model.model_id: [
            str(version.version)
            for version in versions
            if integrity.logged_model_id(version) == model.model_id
        ]
        for model in models
    }


def _delete_unfinished(client: MlflowClient, name: str, unfinished: Unfinished) -> None:
    for model_id, versions in unfinished.items():
        for version in versions:
            client.delete_model_version(name, version)
        client.delete_logged_model(model_id)
