"""The results as a table for a terminal."""

from typing import Any

__all__ = ["interval", "lines"]


def lines(found: dict[str, Any]) -> list[str]:
    """What `evaluate` found, a line a modality.

    Args:
        found: as in `results/evaluation/metrics.json`
    """
    named = [2 + len(one.get("architecture", "")) for one in found["modalities"].values()]
    width = max(14, *named)
    out = [f"{'':8}{'architecture':{width}}{'test UAR':24}{'accuracy':24}performances, actors"]
    for modality, figures in found["modalities"].items():
        if "absent" in figures:
            out.append(f"{modality:8}{'absent':{width}}{figures['absent']}")
        elif "no_test" in figures:
            out.append(f"{modality:8}{figures['architecture']:{width}}absent: {figures['no_test']}")
        else:
            out.append(_line(modality, f"{figures['architecture']:{width}}", figures["test"]))
            alone = figures.get("alone", {})
            out += [_line("", f"{f' {part} alone':{width}}", one) for part, one in alone.items()]
    if found["synthetic"]:
        out.append("On the synthetic sample corpus: the machinery works; nothing about accuracy.")
    return out


def _line(modality: str, architecture: str, found: dict[str, Any]) -> str:
    uar, accuracy = found["uar"], found["accuracy"]
    size = f"{uar['performances']}, {uar['actors']}"
    return f"{modality:8}{architecture}{interval(uar):24}{interval(accuracy):24}{size}"


def interval(figure: dict[str, Any]) -> str:
    """`0.712 [0.634, 0.790]`; one actor has no interval."""
    if figure["low"] is None:
        return f"{figure['value']:.3f} (no interval)"
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"
