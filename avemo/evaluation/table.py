"""The results as a table for a terminal."""

from typing import Any

__all__ = ["interval", "lines"]


def lines(found: dict[str, Any]) -> list[str]:
    """What `evaluate` found, a line a modality.

    Args:
        found: as in `results/evaluation/metrics.json`
    """
    head = f"{'':8}{'architecture':14}{'test UAR':24}{'accuracy':24}performances, actors"
    out = [head]
    for modality, figures in found["modalities"].items():
        if "absent" in figures:
            out.append(f"{modality:8}{'absent':14}{figures['absent']}")
        elif "no_test" in figures:
            out.append(f"{modality:8}{figures['architecture']:14}absent: {figures['no_test']}")
        else:
            uar, accuracy = figures["test"]["uar"], figures["test"]["accuracy"]
            size = f"{uar['performances']}, {uar['actors']}"
            cells = f"{interval(uar):24}{interval(accuracy):24}{size}"
            out.append(f"{modality:8}{figures['architecture']:14}{cells}")
    if found["synthetic"]:
        out.append("On the synthetic sample corpus: the machinery works; nothing about accuracy.")
    return out


def interval(figure: dict[str, Any]) -> str:
    """`0.712 [0.634, 0.790]`; one actor has no interval."""
    if figure["low"] is None:
        return f"{figure['value']:.3f} (no interval)"
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"
