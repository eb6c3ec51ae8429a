"""The catalogue to be read: tables and figures, as Markdown and as one HTML page."""

from pathlib import Path
from typing import TYPE_CHECKING

from ..page import code, html, plain, table
from ..settings import Settings
from .adapters.ravdess import MODALITIES
from .catalogue import usable
from .checks import missing
from .figures import QUIET, figures

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NAME", "write"]

#: `catalogue.md` and `catalogue.html`
NAME = "catalogue"

#: what each class of finding means
_MEANING = {
    "name": "the name is outside the code",
    "unreadable": "does not decode, or is cut short",
    "no-picture": "a video without a picture",
    "no-sound": "a sound file without a sound stream",
    "contradiction": "byte-identical to one whose name says another actor or emotion",
    "duplicate": "a second recording of the same name",
    "silent": "a sound file in which nothing is heard",
    "too-short": "shorter than catalogue.min_duration_s",
    "clipped": "more samples at full scale than catalogue.clipped",
    "folder": "in another actor's folder",
    "emotion": "an emotion that the channel does not have",
    "identical": "byte-identical to another of the same actor and emotion",
}
_LISTED = 10


def write(rows: "pd.DataFrame", settings: Settings, folder: Path) -> None:
    """Write `catalogue.md` with its figures beside it, and `catalogue.html` that holds them.

    Args:
        rows: the catalogue
        settings: the whole
        folder: it is there, and empty
    """
    drawn = figures(usable(rows))
    for name, figure in drawn.items():
        if settings.corpus.synthetic:
            figure.suptitle("synthetic sample", x=0.99, ha="right", color=QUIET, size=10)
        # without the software's version: the same catalogue makes the same file
        figure.savefig(folder / f"{name}.png", metadata={"Software": None})
    text = "\n\n".join(_sections(rows, settings, list(drawn))) + "\n"
    (folder / f"{NAME}.md").write_text(text, encoding="utf-8")
    pictures = {f"{name}.png": (folder / f"{name}.png").read_bytes() for name in drawn}
    page = html("Catalogue", text, pictures)
    (folder / f"{NAME}.html").write_text(page, encoding="utf-8")


def _sections(rows: "pd.DataFrame", settings: Settings, pictures: list[str]) -> list[str]:
    """The report's paragraphs, in Markdown."""
    used = usable(rows)
    out = ["# Catalogue"]
    if settings.corpus.synthetic:
        out.append(
            "> These recordings are the synthetic sample, made on the spot: nothing here says "
            "anything about people or about accuracy."
        )
    out += [_totals(rows), "## Figures", "Of the recordings that are used."]
    out += [f"![{name.replace('-', ' ')}]({name}.png)" for name in pictures]
    out += ["## Findings", *_findings(rows, settings)]
    if not settings.corpus.synthetic:
        out += ["## Missing files", *_missing(rows)]
    out += ["## Byte-identical recordings", *_identical(rows)]
    out += ["## Silent tracks", *_silent(used)]
    return [*out, "## Formats", "Of the recordings that are used.", *_formats(used)]


def _totals(rows: "pd.DataFrame") -> str:
    used = usable(rows)
    lines = []
    for key, modality in {**MODALITIES, 0: "all"}.items():
        here, fine = (each[each["modality"].eq(key) | (key == 0)] for each in (rows, used))
        if len(here):
            lines.append(
                (
                    modality,
                    f"{len(fine):,}",
                    f"{fine['performance'].nunique():,}",
                    fine["actor"].nunique(),
                    f"{fine['duration_s'].sum() / 3600:.2f}",
                    _size(int(fine["bytes"].sum())),
                    f"{len(here) - len(fine):,}",
                )
            )
    head = ("", "recordings", "performances", "actors", "hours", "size", "set aside")
    return table(head, lines)


def _findings(rows: "pd.DataFrame", settings: Settings) -> list[str]:
    chosen = {str(finding): does for finding, does in settings.catalogue.findings.items()}
    does = {"warn": "warned of", "aside": "set aside", None: "set aside, always"}
    lines, lists = [], []
    for finding, meaning in _MEANING.items():
        have = _with(finding, rows)
        lines.append((code(finding), meaning, does[chosen.get(finding)], f"{len(have):,}"))
        if len(have):
            items = [
                code(row["path"]) + (f": {plain(row['reason'])}" if row["reason"] else "")
                for _, row in have.head(_LISTED).iterrows()
            ]
            lists.append(f"**{finding}**\n\n{_bullets(items, len(have))}")
    return [table(("finding", "meaning", "what it does", "recordings"), lines), *lists]


def _with(finding: str, rows: "pd.DataFrame") -> "pd.DataFrame":
    """The recordings that are set aside for a finding, or warned of."""
    warned = rows["warnings"].str.split(", ").map(lambda told: finding in told)
    return rows[rows["finding"].eq(finding) | warned]


def _missing(rows: "pd.DataFrame") -> list[str]:
    lacking = missing(rows)
    if not lacking:
        return ["None, of the published archives that the corpus has something of."]
    lines = [
        (
            code(archive),
            f"{len(names):,}",
            " ".join(map(code, names[:_LISTED])) + _more(len(names)),
        )
        for archive, names in lacking.items()
    ]
    return [
        "Of the published archives that the corpus has something of.",
        table(("archive", "missing", "which"), lines),
    ]


def _identical(rows: "pd.DataFrame") -> list[str]:
    readable = rows[~rows["finding"].isin(["name", "unreadable"])]
    copies = readable[readable.duplicated("sha256", keep=False)]
    groups = sorted(sorted(same) for _, same in copies.groupby("sha256")["path"])
    if not groups:
        return ["None."]
    items = [
        " = ".join(map(code, paths[:_LISTED])) + _more(len(paths)) for paths in groups[:_LISTED]
    ]
    return ["Those that are used stand in one part of the split.", _bullets(items, len(groups))]


def _silent(used: "pd.DataFrame") -> list[str]:
    silent = used[used["has_audio_stream"] & ~used["has_sound"]]
    if silent.empty:
        return ["None: every sound track has sound."]
    lines = [
        (modality, f"{len(here):,}", f"{used['modality'].eq(key).sum():,}")
        for key, modality in MODALITIES.items()
        if len(here := silent[silent["modality"].eq(key)])
    ]
    paths = [code(path) for path in silent["path"].head(_LISTED)]
    return [
        "There is a sound track, and nothing on it. No sound is taken from these.",
        table(("", "silent", "of"), lines),
        _bullets(paths, len(silent)),
    ]


def _formats(used: "pd.DataFrame") -> list[str]:
    used = used.assign(
        modality=used["modality"].map(MODALITIES),
        Hz=used["sample_rate"],
        fps=used["frame_rate"].round(2),
    )
    out = []
    for what, there, columns in (
        ("sound", used["channels"].notna(), ["Hz", "channels"]),
        ("picture", used["has_picture"], ["width", "height", "rotation", "fps"]),
    ):
        counts = used[there].groupby(["modality", *columns]).size().map("{:,}".format).reset_index()
        if len(counts):
            head = (f"{what} of", *columns, "recordings")
            out.append(table(head, counts.itertuples(index=False)))
    return out


def _bullets(items: list[str], count: int) -> str:
    more = [f"- {_more(count).strip()}"] if count > _LISTED else []
    return "\n".join([*(f"- {item}" for item in items), *more])


def _more(count: int) -> str:
    return f" and {count - _LISTED:,} more" if count > _LISTED else ""


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
