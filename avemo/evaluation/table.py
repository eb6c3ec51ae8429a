"""The results as a table for a terminal."""

from collections.abc import Iterable

from ..records import EvaluationResult, Figures

__all__ = ["column_width", "lines"]


def lines(result: EvaluationResult) -> list[str]:
    """Return the figures on the test part, a line a modality."""
    width = column_width(model.architecture for model in result.modalities.values())
    table = [f"{'':8}{'architecture':{width}}{'test UAR':24}{'accuracy':24}performances, actors"]
    for modality, model in result.modalities.items():
        head = f"{modality:8}{model.architecture:{width}}"
        if model.test is None:
            table.append(head + (model.skipped or model.no_test_data))
            continue
        table.append(head + _format(model.test))
        for present, figures in model.unimodal.items():
            table.append(f"{'':9}{f'{present} alone':{width - 1}}{_format(figures)}")
    if result.synthetic:
        table.append("On the synthetic sample corpus: the machinery works; nothing about accuracy.")
    return table


def column_width(architectures: Iterable[str]) -> int:
    """Return how many columns hold the longest name, and two spaces after it."""
    return max([14, *(len(name) + 2 for name in architectures)])


def _format(figures: Figures) -> str:
    uar, accuracy = figures["uar"], figures["accuracy"]
    return f"{uar!s:24}{accuracy!s:24}{uar.performances}, {uar.actors}"
