"""The catalogue to be read: tables and figures, as Markdown and as one HTML page."""

import base64
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..settings import Settings
from .catalogue import usable
from .checks import missing
from .figures import QUIET, figures
from .ravdess import MODALITIES

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

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Catalogue</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2937; max-width: 62rem; margin: 2rem auto;
  padding: 0 1rem; }
h1, h2 { line-height: 1.2; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #e5e7eb; padding-bottom: .3rem; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { padding: .3rem .8rem; border-bottom: 1px solid #e5e7eb; text-align: left;
  vertical-align: top; font-variant-numeric: tabular-nums; }
th { background: #f3f4f6; }
code { font-size: .85em; background: #f3f4f6; padding: .1em .3em; border-radius: 3px;
  overflow-wrap: anywhere; }
img { max-width: 100%; height: auto; margin: .5rem 0; }
td code { white-space: nowrap; }
blockquote { margin: 1rem 0; padding: .3rem 1rem; background: #fef3c7;
  border-left: 4px solid #d97706; }
</style>
</head>
<body>
BODY</body>
</html>
"""


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
    page = _html(text, [folder / f"{name}.png" for name in drawn])
    (folder / f"{NAME}.html").write_text(page, encoding="utf-8")


def _html(text: str, pictures: Iterable[Path]) -> str:
    from markdown_it import MarkdownIt

    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    for picture in pictures:
        content = base64.b64encode(picture.read_bytes()).decode()
        body = body.replace(f'src="{picture.name}"', f'src="data:image/png;base64,{content}"')
    return _PAGE.replace("BODY", body)


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
    for code, modality in {**MODALITIES, 0: "all"}.items():
        here, fine = (each[each["modality"].eq(code) | (code == 0)] for each in (rows, used))
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
    return _table(head, lines)


def _findings(rows: "pd.DataFrame", settings: Settings) -> list[str]:
    chosen = {str(finding): does for finding, does in settings.catalogue.findings.items()}
    does = {"warn": "warned of", "aside": "set aside", None: "set aside, always"}
    lines, lists = [], []
    for finding, meaning in _MEANING.items():
        have = _with(finding, rows)
        lines.append((_code(finding), meaning, does[chosen.get(finding)], f"{len(have):,}"))
        if len(have):
            items = [
                _code(row["path"]) + (f": {_plain(row['reason'])}" if row["reason"] else "")
                for _, row in have.head(_LISTED).iterrows()
            ]
            lists.append(f"**{finding}**\n\n{_bullets(items, len(have))}")
    return [_table(("finding", "meaning", "what it does", "recordings"), lines), *lists]


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
            _code(archive),
            f"{len(names):,}",
            " ".join(map(_code, names[:_LISTED])) + _more(len(names)),
        )
        for archive, names in lacking.items()
    ]
    return [
        "Of the published archives that the corpus has something of.",
        _table(("archive", "missing", "which"), lines),
    ]


def _identical(rows: "pd.DataFrame") -> list[str]:
    readable = rows[~rows["finding"].isin(["name", "unreadable"])]
    copies = readable[readable.duplicated("sha256", keep=False)]
    groups = sorted(sorted(same) for _, same in copies.groupby("sha256")["path"])
    if not groups:
        return ["None."]
    items = [
        " = ".join(map(_code, paths[:_LISTED])) + _more(len(paths)) for paths in groups[:_LISTED]
    ]
    return ["Those that are used stand in one part of the split.", _bullets(items, len(groups))]


def _silent(used: "pd.DataFrame") -> list[str]:
    silent = used[used["has_audio_stream"] & ~used["has_sound"]]
    if silent.empty:
        return ["None: every sound track has sound."]
    lines = [
        (modality, f"{len(here):,}", f"{used['modality'].eq(code).sum():,}")
        for code, modality in MODALITIES.items()
        if len(here := silent[silent["modality"].eq(code)])
    ]
    paths = [_code(path) for path in silent["path"].head(_LISTED)]
    return [
        "There is a sound track, and nothing on it. No sound is taken from these.",
        _table(("", "silent", "of"), lines),
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
            out.append(_table(head, counts.itertuples(index=False)))
    return out


def _table(head: Sequence[str], lines: Iterable[Sequence[Any]]) -> str:
    """Columns of figures are flush right."""
    lines = [[str(cell) for cell in line] for line in lines]
    rule = [
        "---:" if all(cell[:1].isdecimal() for cell in column) else "---"
        for column in zip(*lines, strict=True)
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *lines))


def _bullets(items: list[str], count: int) -> str:
    more = [f"- {_more(count).strip()}"] if count > _LISTED else []
    return "\n".join([*(f"- {item}" for item in items), *more])


def _more(count: int) -> str:
    return f" and {count - _LISTED:,} more" if count > _LISTED else ""


def _code(text: str) -> str:
    """A name as it is."""
    return f"`{' '.join(text.split()).replace('`', chr(39))}`"


def _plain(text: str) -> str:
    """A sentence that may hold what Markdown takes for its own."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>" else letter for letter in text)


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
