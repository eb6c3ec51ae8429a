"""The results as a table for a terminal."""

from collections.abc import Iterable
from typing import Any

from .bootstrap import Interval

__all__ = ["lines", "wide"]


def lines(found: dict[str, Any]) -> list[str]:
    """What `evaluate` found, a line a modality.

    Args:
        found: as in `results/evaluation/metrics.json`
    """
    width = wide(one.get("architecture", "") for one in found["modalities"].values())
    out = [f"{'':8}{'architecture':{width}}{'test UAR':24}{'accuracy':24}performances, actors"]
    for modality, figures in found["modalities"].items():
        if "absent" in figures:
            out.append(f"{modality:8}{'absent':{width}}{figures['absent']}")
        elif "no_test" in figures:
            out.append(f"{modality:8}{figures['architecture']:{width}}absent: {figures['no_test']}")
        else:
            head = f"{modality:8}{figures['architecture']:{width}}"
            out.append(head + _figures(figures["test"]))
            for part, one in figures.get("alone", {}).items():
                out.append(f"{'':9}{f'{part} alone':{width - 1}}{_figures(one)}")
    if found["synthetic"]:
        out.append("On the synthetic sample corpus: the machinery works; nothing about accuracy.")
    return out


def wide(architectures: Iterable[str]) -> int:
    """How many columns hold the longest name, and two spaces after it."""
    return max([14, *(len(name) + 2 for name in architectures)])


def _figures(found: dict[str, Any]) -> str:
    uar, accuracy = Interval(**found["uar"]), Interval(**found["accuracy"])
    return f"{uar!s:24}{accuracy!s:24}{uar.performances}, {uar.actors}"
