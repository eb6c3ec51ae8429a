"""What a version's card and its entry in the registry say of people of other corpora."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..io import atomic_write
from ..page import table
from ..paths import Project
from ..records import CorpusEvaluation
from ..templates import render
from ..tracking.descriptions import MAX_LENGTH, shorten
from ..tracking.lookup import CORPUS_TAG

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "extend_description",
    "keep_evaluation",
    "put_on_version",
    "read_evaluations",
    "render_section",
]

_SUMMARY = "summary.json"
_HEADING = "## Other corpora"
_COLUMNS = ("corpus", "clips", "speakers", "right", "UAR", "guessing")
#: the section of a card, up to the next one
_SECTION = re.compile(rf"{_HEADING}\n.*?(?=^## |\Z)", re.DOTALL | re.MULTILINE)


def keep_evaluation(folder: Path, evaluation: CorpusEvaluation, rows: "pd.DataFrame") -> None:
    """Write an evaluation's folder: `summary.json`, and `predictions.csv` with a row a clip."""
    with atomic_write(folder) as temporary:
        temporary.mkdir()
        evaluation.write(temporary / _SUMMARY)
        rows.to_csv(temporary / "predictions.csv", index=False, float_format="%.9g")


def read_evaluations(
    project: Project, name: str, run_id: str, *, untrained: bool
) -> list[CorpusEvaluation]:
    """Return the evaluations that the project holds of one very model, by corpus.

    Args:
        project: with the evaluations
        name: of the registered model
        run_id: that trained it
        untrained: it is the prior that was registered in the trained model's place

    Raises:
        AvemoError: one is damaged
    """
    files = sorted(project.corpus_evaluations.glob(f"*/{name}/{_SUMMARY}"))
    evaluations = [CorpusEvaluation.read(file) for file in files]
    return [
        own for own in evaluations if run_id and (own.run_id, own.untrained) == (run_id, untrained)
    ]


def render_section(evaluations: Sequence[CorpusEvaluation]) -> str:
    """Return the section of a card: a table, or the sentence that there is no evaluation."""
    return _render([_cells(own) for own in evaluations])


def put_on_version(evaluation: CorpusEvaluation) -> None:
    """Put an evaluation on the registered version: its sentence as a tag, and into the description.

    The version's files stay as they are.
    """
    import mlflow

    client = mlflow.MlflowClient()
    name, version = evaluation.model, evaluation.number
    tag = f"{CORPUS_TAG}{evaluation.corpus}"
    client.set_model_version_tag(name, version, tag, evaluation.sentence)
    description = client.get_model_version(name, version).description or ""
    client.update_model_version(name, version, extend_description(description, evaluation))


def extend_description(description: str, evaluation: CorpusEvaluation) -> str:
    """Return a version's description with an evaluation among those of its section.

    A description without the section, such as one that somebody wrote, gets it at its end.
    """
    section = _SECTION.search(description)
    lines = section[0].splitlines() if section else []
    _, _, *rows = [_split_row(line) for line in lines if line.startswith("| ")] or [[], []]
    cells = _cells(evaluation)
    rows = [row for row in rows if row[0] != cells[0]]
    text = _render(sorted([*rows, cells])).strip()
    at = section.start() if section else len(description)
    others = description[:at] + (description[section.end() :] if section else "")
    others = shorten(others, MAX_LENGTH - len(text) - 4)
    before, after = others[:at].rstrip(), others[at:].strip()
    return "\n\n".join(filter(None, (before, text, after))) + "\n"


def _cells(evaluation: CorpusEvaluation) -> list[str]:
    trained = " (trained on it, too)" if evaluation.familiar else ""
    return [
        f"{evaluation.title}{trained}",
        f"{evaluation.clips:,}",
        f"{evaluation.speakers:,}",
        f"{evaluation.right:,}",
        f"{evaluation.figures['uar']}",
        f"{evaluation.chance_level:.3f}",
    ]


def _split_row(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("| ").split("|")]


def _render(rows: Sequence[Sequence[str]]) -> str:
    return render(
        "avemo.registry",
        "other_corpora.md.j2",
        heading=_HEADING,
        corpora=table(_COLUMNS, rows) if rows else "",
    )
