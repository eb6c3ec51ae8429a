"""`avemo evaluate`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import join_names
from ..terminal import SlowNotice, new_table, show
from ._app import JsonOutput, adapter_names, complete_from, examples, new_app

if TYPE_CHECKING:
    from ..paths import Project
    from ..records import CorpusEvaluation, Interval
    from ..serving.batch.corpus import Evaluated

app = new_app()

_TOTALS = {"uar": "UAR", "accuracy": "accuracy"}
_RECALL = "recall_"


@app.command(
    epilog=examples(
        "avemo evaluate corpora/emodb                # a corpus's folder, by its file names",
        "avemo evaluate corpora/manifest.csv --corpus crema_d",
        "avemo evaluate corpora/emodb --model models:/avemo-audio@candidate --csv emodb.csv",
    )
)
def evaluate(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH",
            help="A manifest, or the folder of a corpus that avemo knows by its file names.",
            show_default=False,
        ),
    ],
    corpus: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Which corpus of a manifest, or whose names the files of a folder have; by "
            "default the only one, or the one that knows most of the files.",
            autocompletion=complete_from(adapter_names),
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="URI",
            help="The version that answers, such as models:/avemo-audio@candidate, or prior; by "
            "default the champion: the fused one for films, else that for sound.",
        ),
    ] = None,
    as_json: JsonOutput = False,
    csv: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the table with a row a clip here, too.", dir_okay=False
        ),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(metavar="N", min=1, help="Processes on this machine; each loads the model."),
    ] = 1,
) -> None:
    """Say how a registered version does on people of another corpus.

    It answers for each clip, and is compared with what the corpus says of it: UAR, accuracy and the
    recall of each emotion, with intervals over drawn speakers, beside guessing and beside the
    version's own test part. `labels` in params.yaml says what the corpus's emotions count as.
    A clip that has no answer is a row of the table with its reason.

    The result is kept in results/corpora, and written to the registered version: into its
    description, and as a tag. After a stop, the same command goes on where it was.
    """
    from ..config import load_settings
    from ..paths import find_project
    from ..registry.other_corpora import keep_evaluation
    from ..registry.predictor import PRIOR
    from ..serving.batch.corpus import evaluate_corpus

    project = find_project()
    with SlowNotice() as notice:
        evaluated = evaluate_corpus(
            project,
            load_settings(project.root),
            path,
            corpus=corpus,
            uri=model,
            workers=workers,
            report=notice.begin,
            stop_reporting=notice.stop,
        )
    evaluation = evaluated.evaluation
    folder = project.corpus_evaluation(evaluation.corpus, evaluation.model)
    keep_evaluation(folder, evaluation, evaluated.table)
    if csv:
        _write_copy(csv, folder)
    if model != PRIOR:
        _put_on_version(project, evaluation)
    if as_json:
        fields = evaluation.model_dump(mode="json") | {"sentence": evaluation.sentence}
        typer.echo(json.dumps(fields | {"predictions": str(folder / "predictions.csv")}))
    else:
        _show(evaluated)
        typer.echo(f"kept in {folder}" + (f" and {csv}" if csv else ""))
    if evaluation.familiar:
        typer.echo(
            f"avemo: warning: {evaluation.label} was trained on {evaluation.title}: the figures "
            "may be of people whom it heard in training, and are then too good",
            err=True,
        )


def _write_copy(target: Path, folder: Path) -> None:
    from ..io import atomic_write

    with atomic_write(target) as temporary:
        temporary.write_bytes((folder / "predictions.csv").read_bytes())


def _put_on_version(project: "Project", evaluation: "CorpusEvaluation") -> None:
    from ..registry.other_corpora import put_on_version
    from ..tracking import store

    store.connect(project, spool=False)
    with store.translate_mlflow_errors():
        put_on_version(evaluation)


def _show(evaluated: "Evaluated") -> None:
    evaluation = evaluated.evaluation
    own = evaluation.test or {}
    names = [*_TOTALS, *(name for name in evaluation.figures if name.startswith(_RECALL))]
    rows = [
        [
            _TOTALS.get(name, f"recall of {name.removeprefix(_RECALL)}"),
            _format(evaluation.figures[name]),
            _format(own.get(name)),
        ]
        for name in names
    ]
    rows.insert(1, ["guessing", f"{evaluation.chance_level:.3f}", _chance_level(own)])
    rows.append(["clips", f"{evaluation.clips:,}", _count(own, "performances")])
    rows.append(["speakers", f"{evaluation.speakers:,}", _count(own, "actors")])
    show(new_table("", evaluation.title, "its own test part", rows=rows), "")
    for reason, count in evaluation.left_out.items():
        typer.echo(f"left out: {count:,} clips: {reason}")
    for name, count in evaluation.failed.items():
        failures = evaluated.table[evaluated.table["finding"].eq(name)]
        reason = failures["reason"].iloc[0]
        typer.echo(
            f"no answer: {count:,} clips: {name} ({reason}): {join_names(list(failures['file']))}"
        )
    for reason, files in evaluated.passed_over.items():
        typer.echo(f"passed over: {len(files):,} files, {reason}: {join_names(files)}")
    if evaluation.one_stream:
        typer.echo(f"answered from sound or picture alone: {evaluation.one_stream:,} clips")
    typer.echo(f"{evaluation.sentence}.")


def _format(figure: "Interval | None") -> str:
    return f"{figure}" if figure else "none"


def _chance_level(own: "dict[str, Interval]") -> str:
    """Return one over the number of emotions that figures are of."""
    emotions = sum(name.startswith(_RECALL) for name in own)
    return f"{1 / emotions:.3f}" if emotions else "none"


def _count(own: "dict[str, Interval]", of: str) -> str:
    return f"{getattr(own['uar'], of):,}" if own else "none"
