"""Sound and picture, each alone and joined in every way, on the same performances."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from ..errors import ten
from ..evaluation import metrics, paired
from ..evaluation.bootstrap import Bootstrap
from ..page import code, table
from ..project import Project
from ..settings import Settings
from ..tracking import pointer
from . import kept, tables
from .judged import caption

__all__ = ["FILE", "keep", "read", "section"]

#: in a checkout
FILE = Path("results", "fused", "compared.csv")

_INNER, _TEST = "inner folds", "test part"
_ALONE = ("audio", "visual")
_WHAT = {
    "audio": "the audio model",
    "visual": "the visual model",
    "late": "logistic regression on what the two models answer",
    "attention": "sound and faces look at each other",
    "modules": "the two networks joined and fitted anew",
    "fused": "the fused model",
    "fused_audio": "the fused model, from sound alone",
    "fused_visual": "the fused model, from picture alone",
}
_OWN = ["corpus", "run", "part", "system"]
_COLUMNS = [*_OWN, "performance", "fold", "true", *metrics.PROBABILITIES]


def keep(project: Project, settings: Settings) -> str:
    """Take over what the last search for a fusion and the last evaluation answered.

    What is of the synthetic sample does not take the place of what is of real recordings.

    Returns:
        what was taken, or left and why
    """
    from ..training.fusion import COMPARED

    searched = project.search("fused")
    place = searched.relative_to(project.root).as_posix()
    if not (searched / COMPARED).exists() or not (project.evaluation / "metrics.json").exists():
        return f"{place}: left, for no fusion was searched and evaluated here"
    before = read(project.root)
    if settings.corpus.synthetic and before is not None and not _synthetic(before):
        return f"{place}: left, for it is of the synthetic sample, and what is kept is not"
    run = pointer.read(searched / "found.json")["run_id"]
    found = [pd.read_csv(searched / COMPARED).assign(run=run, part=_INNER)]
    judged = pointer.read(project.evaluation / "metrics.json")["modalities"]
    if "test" in judged["fused"]:
        found += _tested(project, judged)
    rows = pd.concat(found, ignore_index=True).assign(corpus=settings.corpus.label)
    tables.write(project.root / FILE, _checked(rows[_COLUMNS]))
    return f"{place}: taken, {rows['performance'].nunique():,} performances"


def _tested(project: Project, judged: dict[str, dict[str, str]]) -> Iterator[pd.DataFrame]:
    fused = pd.read_csv(project.evaluation / "fused.csv")
    for name in (*_ALONE, "fused", "fused_audio", "fused_visual"):
        rows = pd.read_csv(project.evaluation / f"{name}.csv")
        run = judged[name.partition("_")[0]]["run_id"]
        yield paired.align(rows, fused)[0].assign(system=name, run=run, part=_TEST)


def read(root: Path) -> pd.DataFrame | None:
    """What is kept; None where nothing is.

    Raises:
        AvemoError: the file is damaged
    """
    return tables.read(root, FILE, _checked, dtype={"performance": str, "true": str})


def section(found: pd.DataFrame, settings: Settings) -> list[str]:
    """In Markdown: a table of the inner folds, and one of the test part."""
    synthetic = _synthetic(found)
    texts = {
        _INNER: "Each modality alone and each way to join the two, by fits that had not seen the "
        "fold. Of each way that configuration which the search found best, so that the figures of "
        "the ways are somewhat too good.",
        _TEST: "The models that were trained, on the test part; the fused one with both "
        "modalities, and with one missing.",
    }
    out = []
    for part, rows in found.groupby("part", sort=False):
        (run,) = rows.loc[rows["system"].isin(["late", "fused"]), "run"].unique()
        size = f"{rows['performance'].nunique():,} performances, run {code(run)}."
        out.append(caption(f"{texts[str(part)]} {size}", synthetic))
        head = ("system", "what it is", "UAR", "accuracy", "UAR less the better one's alone")
        out.append(table(head, _lines(rows, settings)))
    return [
        *out,
        "The last column is paired: the same draws of actors for both. A fusion is taken if it is "
        "above zero as a whole on the inner folds; otherwise `late` is. The original study's "
        "audio-visual model had an accuracy of 0.11; its three ways are `av-modules`, "
        "`av-features` and `av-outputs` among the baselines.",
        f"`avemo report --keep` takes the answers over into `{FILE}`.",
    ]


def _lines(rows: pd.DataFrame, settings: Settings) -> Iterator[tuple[str, ...]]:
    bootstrap = Bootstrap.from_settings(settings)
    tables = {str(name): kept.checked_rows(one) for name, one in rows.groupby("system", sort=False)}
    uars = {name: metrics.uar(one["true"], metrics.predicted(one)) for name, one in tables.items()}
    better = max(_ALONE, key=uars.__getitem__)
    for name, one in tables.items():
        figures = metrics.intervals(one, bootstrap)
        less = "–"
        if name not in _ALONE:
            less = f"{paired.paired_bootstrap(one, tables[better], bootstrap)['uar']:+}"
        yield code(name), _WHAT.get(name, ""), str(figures["uar"]), str(figures["accuracy"]), less


def _synthetic(found: pd.DataFrame) -> bool:
    return bool(found["corpus"].str.contains("synthetic").any())


def _checked(found: pd.DataFrame) -> pd.DataFrame:
    if missing := [name for name in _COLUMNS if name not in found]:
        raise ValueError(f"there is no column {ten(missing)}")
    for part, rows in found.groupby("part"):
        names = [
            set(one["performance"])
            for _, one in rows.groupby("system")
            if len(kept.checked_rows(one))
        ]
        if any(one != names[0] for one in names) or not set(_ALONE) <= set(rows["system"]):
            raise ValueError(f"{part}: the systems are not all there, on the same performances")
    return found[_COLUMNS]
