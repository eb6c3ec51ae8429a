"""The catalogue to be read: tables and figures, as Markdown and as one HTML page."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..page import code, format_bytes, html
from ..settings import Settings
from ..templates import render
from .adapters.ravdess import MODALITIES
from .checks import list_missing
from .figures import QUIET, draw_figures
from .selection import select_identical, select_usable

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NAME", "write"]

#: `catalogue.md` and `catalogue.html`
NAME = "catalogue"

#: what each class of finding means
_MEANING = {
    "name": "the name is outside the code",
    "missing": "named by the manifest, and not there",
    "left-out": "of an emotion that labels.corpora leaves out",
    "beyond-end": "a part that ends later than its file",
    "unreadable": "does not decode, or is cut short",
    "no-picture": "a video without a picture",
    "no-sound": "a sound file without a sound stream",
    "contradiction": "byte-identical to one of another actor or emotion",
    "duplicate": "a second recording of the same name",
    "silent": "a sound file in which nothing is heard",
    "too-short": "shorter than catalogue.min_duration_s",
    "clipped": "more samples at full scale than catalogue.max_clipped_ratio",
    "trailing": "a WAV file that holds more than its header states, which players may leave out",
    "folder": "in another actor's folder",
    "emotion": "an emotion that the channel does not have",
    "identical": "byte-identical to another of the same actor and emotion",
}
#: how many recordings a list names
_LISTED = 10


def write(rows: "pd.DataFrame", settings: Settings, folder: Path) -> None:
    """Write `catalogue.md` with its figures beside it, and `catalogue.html` that holds them.

    Args:
        rows: the catalogue
        settings: of the whole project
        folder: an empty one
    """
    figures = draw_figures(select_usable(rows), settings.labels.classes)
    for name, figure in figures.items():
        if settings.corpus.synthetic:
            figure.suptitle("synthetic sample", x=0.99, ha="right", color=QUIET, size=10)
        # without the software's version: the same catalogue makes the same file
        figure.savefig(folder / f"{name}.png", metadata={"Software": None})
    text = _render(rows, settings, list(figures))
    (folder / f"{NAME}.md").write_text(text, encoding="utf-8")
    pictures = {f"{name}.png": (folder / f"{name}.png").read_bytes() for name in figures}
    page = html("Catalogue", text, pictures)
    (folder / f"{NAME}.html").write_text(page, encoding="utf-8")


def _render(rows: "pd.DataFrame", settings: Settings, figures: list[str]) -> str:
    """Return the report in Markdown.

    Args:
        figures: their names
    """
    synthetic = settings.corpus.synthetic
    used = select_usable(rows)
    by_finding = {finding: _with_finding(finding, rows) for finding in _MEANING}
    silent = used[used["has_audio_stream"] & ~used["has_sound"]]
    return render(
        "avemo.corpus",
        "catalogue.md.j2",
        synthetic=synthetic,
        listed=_LISTED,
        totals=list(_totals(rows)),
        figures=figures,
        findings=list(_findings(by_finding, settings)),
        recordings_by_finding={
            finding: list(recordings[["path", "reason"]].itertuples(index=False, name=None))
            for finding, recordings in by_finding.items()
            if len(recordings)
        },
        missing={} if synthetic else list_missing(rows),
        identical=_identical(rows),
        silent=silent["path"].tolist(),
        silent_counts=[
            (modality, f"{count:,}", f"{used['modality'].eq(key).sum():,}")
            for key, modality in MODALITIES.items()
            if (count := silent["modality"].eq(key).sum())
        ],
        formats=list(_formats(used)),
    )


def _totals(rows: "pd.DataFrame") -> Iterator[tuple[str, ...]]:
    """Return a row for each modality, and one for all."""
    for key, modality in {**MODALITIES, 0: "all"}.items():
        own = rows[rows["modality"].eq(key) | (key == 0)]
        used = select_usable(own)
        if len(own):
            yield (
                modality,
                f"{len(used):,}",
                f"{used['performance'].nunique():,}",
                f"{used['actor'].nunique()}",
                f"{used['duration_s'].sum() / 3600:.2f}",
                format_bytes(int(used["bytes"].sum())),
                f"{len(own) - len(used):,}",
            )


def _findings(
    by_finding: "dict[str, pd.DataFrame]", settings: Settings
) -> Iterator[tuple[str, ...]]:
    """Return a row for each class of finding."""
    configured = {str(finding): action for finding, action in settings.catalogue.findings.items()}
    actions = {"warn": "warned of", "exclude": "set aside", None: "set aside, always"}
    for finding, recordings in by_finding.items():
        action = actions[configured.get(finding)]
        yield code(finding), _MEANING[finding], action, f"{len(recordings):,}"


def _with_finding(finding: str, rows: "pd.DataFrame") -> "pd.DataFrame":
    """Return the recordings that are set aside for a finding, or warned of."""
    warned = rows["warnings"].str.split(", ").map(lambda warnings: finding in warnings)
    return rows[rows["finding"].eq(finding) | warned]


def _identical(rows: "pd.DataFrame") -> list[list[str]]:
    """Return the paths of each group of byte-identical recordings."""
    by_content = select_identical(rows).groupby("sha256")["path"]
    return sorted(sorted(paths) for _, paths in by_content)


def _formats(
    used: "pd.DataFrame",
) -> Iterator[tuple[tuple[str, ...], list[tuple[object, ...]]]]:
    """Return the head and the rows of a table for sound, and of one for the picture."""
    used = used.assign(
        modality=used["modality"].map(MODALITIES),
        Hz=used["sample_rate"],
        fps=used["frame_rate"].round(2),
    )
    for stream, present, columns in (
        ("sound", used["channels"].notna(), ["Hz", "channels"]),
        ("picture", used["has_picture"], ["width", "height", "rotation", "fps"]),
    ):
        sizes = used[present].groupby(["modality", *columns]).size()
        counts = sizes.map("{:,}".format).reset_index()
        if len(counts):
            rows = list(counts.itertuples(index=False, name=None))
            yield (f"{stream} of", *columns, "recordings"), rows
