"""The results of the stage `evaluate` as a table for a terminal."""

from typing import TYPE_CHECKING

from ..records import EvaluationResult, Figures
from ..terminal import new_table

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["results_table"]


def results_table(result: EvaluationResult) -> "Table":
    """Return a row for each model, for the fused one with one modality alone, for each prior."""
    table = new_table("", "architecture", "test UAR", "accuracy", "performances", "actors")
    for modality, model in result.modalities.items():
        if model.test is None:
            table.add_row(modality, model.architecture, "none")
            continue
        table.add_row(modality, model.architecture, *_cells(model.test))
        for present, figures in model.unimodal.items():
            table.add_row("", f"{present} alone", *_cells(figures))
        if model.prior and model.prior.test:
            table.add_row("", "untrained prior", *_cells(model.prior.test))
    return table


def _cells(figures: Figures) -> list[str]:
    uar, accuracy = figures["uar"], figures["accuracy"]
    return [f"{uar}", f"{accuracy}", f"{uar.performances}", f"{uar.actors}"]
