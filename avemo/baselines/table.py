"""The systems as a table for a terminal: what was published, and what was found here."""

from typing import Any

from ..evaluation.bootstrap import Interval
from ..project import Project
from ..tracking import pointer
from .published import CHANNELS, SYSTEMS

__all__ = ["figures", "found", "lines"]


def found(project: Project) -> dict[str, dict[str, Any]]:
    """What the stage `baselines` wrote of each system; empty where it has not run."""
    return {name: pointer.read(project.baseline(name) / "runs.json") for name in SYSTEMS}


def figures(one: dict[str, Any]) -> str:
    """`speech actor        UAR 0.712 [0.634, 0.790]  accuracy ...`, of an entry of `runs`."""
    uar, accuracy = (Interval(**one["test"][name]) for name in ("uar", "accuracy"))
    return f"{one['channel']:7}{one['protocol']:8}UAR {uar!s:22}accuracy {accuracy}"


def lines(project: Project) -> list[str]:
    """Every system: its name, the published accuracies, what it was, and the results here."""
    head = "".join(f"{channel:8}" for channel in CHANNELS)
    out = [f"{'system':13}{head}accuracy as published, on random splits"]
    synthetic = False
    for (name, system), here in zip(SYSTEMS.items(), found(project).values(), strict=True):
        cells = [_percent(system.accuracy.get(channel, ())) for channel in CHANNELS]
        out.append(f"{name:13}{''.join(f'{cell:8}' for cell in cells)}{system.what}")
        synthetic |= bool(here.get("runs")) and bool(here.get("synthetic"))
        out += [f"  here: {figures(one)}" for one in here.get("runs", [])]
        if not here.get("runs"):
            reason = here.get("absent", "")
            out.append("  here: not run" + (f": {reason}" if reason else ""))
    if synthetic:
        out.append("Figures on the synthetic sample corpus say nothing about accuracy.")
    return out


def _percent(shares: tuple[float, ...]) -> str:
    return f"{'-'.join(f'{100 * share:.0f}' for share in shares)} %" if shares else "-"
