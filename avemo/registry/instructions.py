"""Instructions for use of a version: one page for whoever deploys it and answers for its use.

The headings follow what Articles 13 and 26 of the EU AI Act (Regulation (EU) 2024/1689) ask of an
emotion recogniser. What avemo knows is filled in from the version and its gate; what only the
deployer knows stands as a place to complete.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .. import page
from ..errors import AvemoError
from ..evaluation.bootstrap import Bootstrap
from ..io import atomic_write
from ..modalities import MODALITIES
from ..settings import Settings
from ..templates import render
from ..tracking.integrity import CHECKSUMS_TAG, require_version
from ..tracking.lookup import version_label
from ..tracking.signature import SIGNER_TAG
from .aliases import model_name
from .history import Move, parse_moves
from .rules import RuleResult
from .shadow_report import ShadowReport, read_report
from .shadow_text import FIGURE_COLUMNS, figure_rows
from .sign import version_uri
from .version import OpenedVersion, open_version
from .version_figures import VersionFigures, compute_figures

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

__all__ = ["TO_COMPLETE", "Instructions", "read_instructions", "render_instructions", "write_page"]

#: opens each place that the deployer completes
TO_COMPLETE = "☐ **To complete:**"
#: Article 26(6): deployers keep the logs for at least six months
_LOGS_DAYS = 183
_CHECK_FILE = "check.json"


@dataclass(frozen=True)
class Instructions:
    """What the instructions for use of a version are written from.

    Args:
        version: opened
        figures: on the test part; None where it has none
        rules: what the gate said of it, last; empty where it was never checked
        checked: when, in UTC, ISO 8601; empty where it was never checked
        moves: of the registered model's champion to this version
        shadow: how it answered beside another champion; None where it was not compared
        settings: of the service that serves it, and of the gate
    """

    version: OpenedVersion
    figures: VersionFigures | None
    rules: Sequence[RuleResult]
    checked: str
    moves: Sequence[Move]
    shadow: ShadowReport | None
    settings: Settings

    @property
    def label(self) -> str:
        """`avemo-fused version 3`."""
        return version_label(self.version.version.name, str(self.version.version.version))


def read_instructions(settings: Settings, model: str) -> Instructions:
    """Read what the registry knows of a version.

    Args:
        settings: of the service that serves it, and of the gate
        model: such as `avemo-fused@champion` or `fused/3`

    Raises:
        AvemoError: there is no such version, its files were changed, or the gate's or the shadow's
            report is damaged
    """
    import mlflow

    registered = require_version(version_uri(model))
    version = open_version(registered)
    rules, checked = _read_check(version.folder)
    figures = None
    if version.predictions is not None:
        bootstrap = Bootstrap.from_settings(settings)
        figures = compute_figures(version.predictions, version.bundle, bootstrap)
    moves = _moves_to(mlflow.MlflowClient(), registered)
    shadow = read_report(version.folder)
    return Instructions(version, figures, rules, checked, moves, shadow, settings)


def render_instructions(instructions: Instructions) -> str:
    """Return the page in Markdown."""
    version, settings = instructions.version, instructions.settings
    (modality,) = (name for name in MODALITIES if model_name(name) == version.version.name)
    return render(
        "avemo.registry",
        "instructions.md.j2",
        label=instructions.label,
        name=version.version.name,
        number=version.version.version,
        modality=modality,
        bundle=version.bundle,
        figures=instructions.figures,
        rules=instructions.rules,
        refused=[rule.rule for rule in instructions.rules if rule.verdict == "refused"],
        checked=instructions.checked,
        moves=instructions.moves,
        shadow=instructions.shadow,
        shadow_columns=FIGURE_COLUMNS,
        shadow_rows=figure_rows(instructions.shadow) if instructions.shadow else [],
        lineage=version.lineage,
        checksum=version.version.tags.get(CHECKSUMS_TAG, ""),
        signer=version.version.tags.get(SIGNER_TAG, ""),
        licences=version.version.tags.get("avemo.weights", ""),
        megabytes=version.size_bytes / 1e6,
        serving=settings.serving,
        limits=settings.promotion,
        logs_days=_LOGS_DAYS,
        todo=TO_COMPLETE,
    )


def write_page(file: Path, label: str, text: str) -> None:
    """Write a page that does not exist yet, as Markdown or, with the suffix .html, as HTML.

    Args:
        file: that it becomes
        label: of the version
        text: in Markdown

    Raises:
        AvemoError: the file exists, so that what was completed in it would be lost
    """
    if file.suffix not in (".md", ".html"):
        raise AvemoError(f"{file}: a name that ends in .md or .html is expected")
    if file.exists():
        raise AvemoError(
            f"{file} exists, and may have been completed: move it away, or name another with -o"
        )
    title = f"Instructions for use: {label}"
    content = page.html(title, text, {}) if file.suffix == ".html" else text
    with atomic_write(file) as temporary:
        temporary.write_text(content, encoding="utf-8")


def _read_check(folder: Path) -> tuple[list[RuleResult], str]:
    """Return what the gate said of a version, and when; nothing where it never did."""
    file = next(folder.rglob(_CHECK_FILE), None)
    if file is None:
        return [], ""
    try:
        check = json.loads(file.read_text(encoding="utf-8"))
        return [RuleResult(**rule) for rule in check["rules"]], str(check["time"])
    except (ValueError, LookupError, TypeError):
        raise AvemoError(
            f"{_CHECK_FILE} of the version is damaged: `avemo registry check` writes it anew"
        ) from None


def _moves_to(client: "MlflowClient", version: "ModelVersion") -> list[Move]:
    """Return the moves of the champion to a version."""
    tags = client.get_registered_model(version.name).tags
    number = str(version.version)
    return [move for move in parse_moves(tags) if move.target == number and move.state == "done"]
