"""Who speaks in each recording, with what emotion, and in which performance.

RAVDESS's recordings say it by their names, and keep its codes; those of other corpora, by the
manifest. The ids of other corpora's speakers, performances and recordings begin with the corpus's
name, so that those of two corpora are never the same.
"""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CorpusError, join_names
from ..settings import Labels
from .adapters import ravdess
from .folder import FETCHED, list_recordings

if TYPE_CHECKING:  # slow to import, and a worker that measures does without
    import pandas as pd

__all__ = ["list_identities", "list_label_lines"]

#: of RAVDESS's names, codes; 0 for other corpora, which are speech
_FIELDS = ("modality", "channel", "intensity", "statement", "repetition")
_TEXT = ("recording", "performance", "corpus", "actor", "sex", "language", "corpus_emotion")
_COLUMNS = ("path", *_TEXT, *_FIELDS, "split", "licence", "finding", "reason")
_SPEECH = 1


def list_identities(raw: Path, labels: Labels) -> "pd.DataFrame":
    """Return what is known of each recording before its file is read, sorted by path.

    Args:
        raw: the recordings, as the stage `fetch` leaves them: with the table of a manifest, or
            named by RAVDESS's code
        labels: what the corpora's emotions count as

    Returns:
        columns path; recording, performance, corpus, actor (the speaker), sex, language,
        corpus_emotion (the corpus's own) and emotion (its class); RAVDESS's codes; split and
        licence (the manifest's); finding and reason: `name`, `missing`, `left-out`, or why a part
        was not cut

    Raises:
        CorpusError: an emotion is no class, and `labels` does not say what it counts as
    """
    import pandas as pd

    if (raw / FETCHED).exists():
        rows = pd.read_parquet(raw / FETCHED)
    else:
        paths = [file.relative_to(raw).as_posix() for file in list_recordings(raw)]
        rows = pd.DataFrame({"path": pd.Series(paths, dtype=str)}).assign(corpus=ravdess.NAME)
    rows = rows.sort_values("path", ignore_index=True)
    by_name = rows["corpus"].eq(ravdess.NAME)
    identities = pd.concat([_read_names(rows[by_name]), _read_table(rows[~by_name])])
    return _classify(identities.sort_index(), labels)


def _read_table(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Return the identities that a manifest gives."""
    if rows.empty:
        return rows.reindex(columns=_COLUMNS)
    prefix = rows["corpus"] + "-"
    return rows.assign(
        recording=prefix + rows["path"],
        performance=prefix + rows["performance"],
        actor=prefix + rows["speaker"],
        corpus_emotion=rows["emotion"],
        **{**dict.fromkeys(_FIELDS, 0), "channel": _SPEECH},
    ).reindex(columns=_COLUMNS)


def _read_names(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Return the identities that RAVDESS's names give; of others, the finding `name`."""
    import pandas as pd

    if rows.empty:
        return rows.reindex(columns=_COLUMNS)
    named = pd.DataFrame([_read_name(path) for path in rows["path"]], index=rows.index)
    named = named.assign(path=rows["path"], split=rows.get("split", ""))
    named["licence"] = rows.get("licence", "")
    if "finding" in rows:  # the manifest's own, such as a file that is missing
        is_known = rows["finding"].ne("")
        for column in ("finding", "reason"):
            named[column] = named[column].mask(is_known, rows[column])
    if "speaker" in rows:
        differs = named["finding"].eq("") & (
            named["actor"].ne(rows["speaker"]) | named["corpus_emotion"].ne(rows["emotion"])
        )
        named.loc[differs, "finding"] = "name"
        claim = "the manifest says " + rows["speaker"] + ", " + rows["emotion"]
        named.loc[differs, "reason"] = claim + ", and its name another speaker or emotion"
    return named[list(_COLUMNS)]


def _read_name(path: str) -> dict[str, object]:
    row: dict[str, object] = dict.fromkeys(_TEXT, "") | dict.fromkeys(_FIELDS, 0)
    row |= {"corpus": ravdess.NAME, "finding": "", "reason": ""}
    try:
        recording = ravdess.parse(path)
    except ValueError as error:
        return row | {"finding": "name", "reason": str(error)}
    codes = asdict(recording)
    return row | {
        **{name: codes[name] for name in _FIELDS},
        "recording": recording.id,
        "performance": recording.performance,
        "actor": f"{recording.actor:02d}",
        "sex": recording.sex,
        "language": ravdess.Ravdess.language,
        "corpus_emotion": recording.label,
    }


def _classify(rows: "pd.DataFrame", labels: Labels) -> "pd.DataFrame":
    """Return the rows with the class of each emotion."""
    import pandas as pd

    named = rows[rows["corpus_emotion"].ne("")]
    counts = named.groupby(["corpus", "corpus_emotion"]).size()
    if lines := list_label_lines(counts.index.to_list(), labels):
        raise CorpusError(
            "the corpus has emotions that are none of the classes "
            f"{', '.join(labels.classes)}: {'; '.join(lines)} under labels.corpora in params.yaml "
            "leaves them out; the name of a class in place of null counts them as that class"
        )
    classes = {pair: labels.class_of(*pair) for pair in counts.index}
    keys = zip(rows["corpus"], rows["corpus_emotion"], strict=True)
    # an empty one where the name does not say any
    emotion = pd.Series([classes.get(key, "") for key in keys], index=rows.index, dtype=object)
    left_out = emotion.isna() & rows["finding"].eq("")
    rows = rows.assign(emotion=emotion.where(emotion.notna(), rows["corpus_emotion"]).astype(str))
    rows.loc[left_out, "finding"] = "left-out"
    rows.loc[left_out, "reason"] = (
        rows["corpus_emotion"] + " is no class (labels.corpora." + rows["corpus"] + ")"
    )[left_out]
    return rows


def list_label_lines(pairs: Iterable[tuple[str, str]], labels: Labels) -> list[str]:
    """Return, for each corpus with emotions that are no classes, the line of params.yaml to add.

    Args:
        pairs: corpus and emotion
        labels: as they are
    """
    unknown: dict[str, list[str]] = {}
    for corpus, emotion in pairs:
        try:
            labels.class_of(corpus, emotion)
        except KeyError:
            unknown.setdefault(corpus, []).append(emotion)
    lines = []
    for corpus, emotions in unknown.items():
        mapping = labels.corpora.get(corpus, {}) | dict.fromkeys(emotions)
        entries = ", ".join(f"{name}: {target or 'null'}" for name, target in mapping.items())
        lines.append(f"{corpus} has {join_names(emotions)}: `{corpus}: {{{entries}}}`")
    return lines
