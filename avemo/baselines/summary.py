"""The systems as a table for a terminal: what was published, and what was found here."""

from ..paths import Project
from ..records import BaselineResult, BaselineRun, Skipped, read_or_skipped
from .published import CHANNELS, SYSTEMS

__all__ = ["describe", "lines", "load_results"]


def load_results(project: Project) -> dict[str, BaselineResult | Skipped]:
    """Return what the stage `baselines` left, by system; one that has not run is left out."""
    files = {name: project.baseline(name) / "runs.json" for name in SYSTEMS}
    return {
        name: read_or_skipped(BaselineResult, file) for name, file in files.items() if file.exists()
    }


def describe(run: BaselineRun) -> str:
    """Return `speech actor   UAR 0.712 [0.634, 0.790]  accuracy ...`."""
    uar, accuracy = run.test["uar"], run.test["accuracy"]
    return f"{run.channel:7}{run.protocol:8}UAR {uar!s:22}accuracy {accuracy}"


def lines(project: Project) -> list[str]:
    """Every system: its name, the published accuracies, what it was, and the results here."""
    head = "".join(f"{channel:8}" for channel in CHANNELS)
    out = [f"{'system':13}{head}accuracy as published, on random splits"]
    synthetic = False
    results = load_results(project)
    for name, system in SYSTEMS.items():
        cells = [_percent(system.accuracy.get(channel, ())) for channel in CHANNELS]
        out.append(f"{name:13}{''.join(f'{cell:8}' for cell in cells)}{system.what}")
        result = results.get(name)
        if isinstance(result, BaselineResult):
            synthetic |= bool(result.runs) and result.synthetic
            out += [f"  here: {describe(run)}" for run in result.runs]
        if not isinstance(result, BaselineResult) or not result.runs:
            reason = f": {result.reason}" if isinstance(result, Skipped) else ""
            out.append(f"  here: not run{reason}")
    if synthetic:
        out.append("Figures on the synthetic sample corpus say nothing about accuracy.")
    return out


def _percent(shares: tuple[float, ...]) -> str:
    return f"{'-'.join(f'{100 * share:.0f}' for share in shares)} %" if shares else "-"
