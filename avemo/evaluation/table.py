"""The results of the stage `evaluate` as a table for a terminal."""

from typing import TYPE_CHECKING, Any

from ..terminal import new_table
from .bootstrap import Interval

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["results_table"]


def results_table(result: dict[str, Any]) -> "Table":
    """Return a row for each modality, and for the fused model with one modality alone.

    Args:
        result: as in `results/evaluation/metrics.json`
    """
    table = new_table("", "architecture", "test UAR", "accuracy", "performances", "actors")
    for modality, figures in result["modalities"].items():
        if "absent" in figures:
            table.add_row(modality, "absent")
        elif "no_test" in figures:
            table.add_row(modality, figures["architecture"], "absent")
        else:
            table.add_row(modality, figures["architecture"], *_cells(figures["test"]))
            for part, alone in figures.get("alone", {}).items():
                table.add_row("", f"{part} alone", *_cells(alone))
    return table


def _cells(figures: dict[str, Any]) -> list[str]:
    uar, accuracy = Interval(**figures["uar"]), Interval(**figures["accuracy"])
    return [f"{uar}", f"{accuracy}", f"{uar.performances}", f"{uar.actors}"]
