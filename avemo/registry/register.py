"""Trained models as versions in MLflow's registry, each able to answer by itself.

A version is made in one write, when all that belongs to it stands: its files are there and sealed,
and it answered as recorded in a clean process. Only then does it get its aliases. What an
interrupted registration left is replaced by the next one of the same run.
"""

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import mlflow

from ..evaluation.predictions import read_predictions
from ..inference.pyfunc import MODEL
from ..models.bundle import Bundle
from ..paths import Project
from ..records import EvaluationResult, ModalityResult
from ..settings import Settings
from ..tracking import dvc_lock, integrity, runs
from ..tracking.descriptions import MODELS
from ..tracking.git_state import DIFF
from ..tracking.lineage import FILE, Lineage
from . import card, history, packaging, smoke_test

__all__ = ["CANDIDATE", "CHAMPION", "PREDICTIONS", "name_of", "register"]

CANDIDATE = "candidate"
CHAMPION = "champion"
#: on the test part, among a version's files
PREDICTIONS = "predictions.csv"

#: of a logged model: whether its registration came to its end
_COMPLETE = "avemo.complete"


def name_of(modality: str) -> str:
    """`avemo-audio`, `avemo-visual`, `avemo-fused`."""
    return f"avemo-{modality}"


def register(project: Project, settings: Settings, evaluation: EvaluationResult) -> dict[str, Any]:
    """Make a version of each trained model; it becomes `candidate`, and the first `champion` too.

    There is nothing to hold the first against; whoever is to be champion after it is promoted.

    Args:
        evaluation: of the trained models

    Returns:
        for JSON, by modality: name, version, model_id, run_id and aliases, or what is absent

    Raises:
        AvemoError: the run is not in the tracking store, or the model does not answer in a clean
            process as it did in `evaluate`
    """
    return {
        modality: {"absent": result.skipped}
        if result.skipped
        else _version(project, settings, modality, result)
        for modality, result in evaluation.modalities.items()
    }


def _version(
    project: Project, settings: Settings, modality: str, result: ModalityResult
) -> dict[str, Any]:
    client = mlflow.MlflowClient()
    name, run_id = name_of(modality), result.run_id
    subject = _subject(project, modality, result)
    with runs.reopen(run_id):
        left = _left(client, name, run_id)
        model_id = _logged(project, settings, modality, subject)
    seal = integrity.seal(model_id)
    tags = _tags(settings, subject, result) | {integrity.TAG: seal}
    tags["avemo.repeated"] = _tried(project, modality, model_id, subject)
    number = _made(client, name, model_id, run_id, tags, subject, settings)
    aliases = _aliases(client, project.root, name, number, left)
    client.set_logged_model_tags(model_id, {_COMPLETE: "true"})
    _remove(client, name, left)
    return {
        "name": name,
        "version": number,
        "model_id": model_id,
        "run_id": run_id,
        "aliases": aliases,
    }


def _subject(project: Project, modality: str, result: ModalityResult) -> card.Subject:
    bundle = Bundle(project.trained(modality))
    file = project.evaluation / f"{modality}.csv"
    return card.Subject(
        name_of(modality),
        bundle.description,
        _lineage(result.run_id),
        read_predictions(file) if result.test else None,
        packaging.weight_licences(bundle),
    )


def _lineage(run_id: str) -> Lineage | None:
    """Return a run's lineage; None where it logged none."""
    uri = f"runs:/{run_id}/{FILE}"
    with suppress(mlflow.MlflowException, OSError):
        return Lineage.parse(mlflow.artifacts.load_dict(uri), uri)
    return None


def _logged(project: Project, settings: Settings, modality: str, subject: card.Subject) -> str:
    """The model with all its files, which no version points to yet."""
    bundle = Bundle(project.trained(modality))
    with (
        packaging.package_model(bundle) as packaged,
        _beside(project, settings, modality, subject) as beside,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # about type hints and input examples in general
        made = mlflow.pyfunc.log_model(
            name=MODEL,
            python_model=str(packaged.script),
            artifacts={MODEL: str(packaged.folder)},
            code_paths=[str(packaged.code)],
            pip_requirements=packaging.pip_requirements(bundle),
            signature=packaging.signature(),
            input_example=packaging.input_example(settings.seed),
            tags={_COMPLETE: "false"},
        )
        mlflow.MlflowClient().log_model_artifacts(made.model_id, str(beside))
    return str(made.model_id)


@contextmanager
def _beside(
    project: Project, settings: Settings, modality: str, subject: card.Subject
) -> Iterator[Path]:
    """What stands beside MLflow's own files: lineage, recorded predictions, model card."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if subject.lineage:
            for name in _artifacts(subject.lineage):
                uri = f"runs:/{subject.lineage.run_id}/{name}"
                mlflow.artifacts.download_artifacts(uri, dst_path=temporary)
        if subject.predictions is not None:
            source = project.evaluation / f"{modality}.csv"
            (folder / PREDICTIONS).write_bytes(source.read_bytes())
        text = card.markdown(subject, settings)
        (folder / "model_card.md").write_text(text, encoding="utf-8")
        (folder / "model_card.html").write_text(card.html(subject, text), encoding="utf-8")
        yield folder


def _artifacts(lineage: Lineage) -> list[str]:
    """Return the run's artifacts that it takes to make the version again."""
    return [FILE, *([dvc_lock.LOCK] if lineage.data else []), *([DIFF] * lineage.dirty)]


def _tried(project: Project, modality: str, model_id: str, subject: card.Subject) -> str:
    recorded = subject.predictions
    if recorded is not None:
        recorded = smoke_test.some(smoke_test.comparable(project, modality, recorded))
    performances = [] if recorded is None else list(recorded["performance"])
    media = smoke_test.clips(project, modality, performances)
    apart = smoke_test.repeated(model_id, recorded, media, joined=modality == "fused")
    return f"{len(media)} clips, within {apart:.1g}" if media else "its input example alone"


def _tags(settings: Settings, subject: card.Subject, result: ModalityResult) -> dict[str, str]:
    test = f"UAR {result.test['uar'].value:.3f}" if result.test else result.no_test_data
    tags = {
        "avemo.architecture": result.architecture,
        "avemo.corpus": settings.corpus.label,
        "avemo.test": test,
        "avemo.weights": subject.licences,
    }
    lineage = subject.lineage
    if lineage is None:
        return tags
    tags |= {
        "avemo.commit": lineage.commit,
        "avemo.dirty": str(lineage.dirty).lower(),
        "avemo.split": lineage.split_id,
        "avemo.protocol": lineage.protocol,
        "avemo.seed": str(lineage.seed),
    }
    return tags | ({"avemo.search_run": lineage.choice.search_run_id} if lineage.choice else {})


def _made(
    client: Any,
    name: str,
    model_id: str,
    run_id: str,
    tags: dict[str, str],
    subject: card.Subject,
    settings: Settings,
) -> str:
    """The version, with tags and description, in one write."""
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name, description=MODELS.get(name))
    made = client.create_model_version(
        name,
        f"models:/{model_id}",
        run_id,
        tags=tags,
        description=card.description(card.markdown(subject, settings)),
        model_id=model_id,
    )
    return str(made.version)


def _aliases(
    client: Any, root: Path, name: str, number: str, left: dict[str, list[str]]
) -> list[str]:
    """Candidate; and champion where there is none, or one that an interruption left."""
    client.set_registered_model_alias(name, CANDIDATE, number)
    model = client.get_registered_model(name)
    unfinished = {version for versions in left.values() for version in versions}
    if CHAMPION in model.aliases and str(model.aliases[CHAMPION]) not in unfinished:
        return [CANDIDATE]
    before = history.moves(model.tags)
    for move in before:
        if move.target in unfinished:
            history.write(client, name, move.ended(history.INTERRUPTED))
    fields = {"kind": history.REGISTER, "source": "", "target": number, "reason": "", "check": ""}
    move = history.new(before, root, **fields)
    history.write(client, name, move)
    client.set_registered_model_alias(name, CHAMPION, number)
    history.write(client, name, move.ended(history.DONE))
    return [CANDIDATE, CHAMPION]


def _left(client: Any, name: str, run_id: str) -> dict[str, list[str]]:
    """Models of a run whose registration was interrupted, and the versions that point to each."""
    experiment = client.get_run(run_id).info.experiment_id
    unfinished = client.search_logged_models(
        [experiment], f"source_run_id = '{run_id}' AND tags.`{_COMPLETE}` = 'false'"
    )
    versions = client.search_model_versions(f"name = '{name}'") if unfinished else []
    return {
        model.model_id: [
            str(one.version) for one in versions if integrity.model_id(one) == model.model_id
        ]
        for model in unfinished
    }


def _remove(client: Any, name: str, left: dict[str, list[str]]) -> None:
    for model_id, versions in left.items():
        for number in versions:
            client.delete_model_version(name, number)
        client.delete_logged_model(model_id)
