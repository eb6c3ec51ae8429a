"""A database of audformat: a header, such as `db.yaml`, and a CSV or Parquet file for each table.

What is true of a recording may stand in several tables: of files, of parts of files, of speakers.

Source:
    https://audeering.github.io/audformat/data-format.html
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import yaml
from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from ..errors import CorpusError, join_names, last_line
from ..tables import read_csv

__all__ = ["as_text", "read_database"]

#: names of columns, and of the labels' own fields, with the manifest's name of what they hold
_FIELDS = {
    **{name: name for name in ("speaker", "emotion", "sex", "language", "corpus", "split")},
    **{"performance": "performance", "gender": "sex", "licence": "licence", "license": "licence"},
}
_RECORDING = ["file", "start", "end"]
#: the end of a part that ends with its file
_FILE_END = -1.0


def _name_entries(value: object) -> object:
    """Return a mapping of the header with text for keys, and something for each."""
    if isinstance(value, dict):
        return {str(key): {} if own is None else own for key, own in value.items()}
    return {} if value is None else value


class _Column(BaseModel):
    scheme_id: str | None = None


class _Table(BaseModel):
    columns: Annotated[dict[str, _Column], BeforeValidator(_name_entries)] = {}
    levels: Annotated[dict[str, Any] | list[str], BeforeValidator(_name_entries)] = {}
    split_id: str | None = None


class _Scheme(BaseModel):
    labels: dict[Any, Any] | list[Any] | str | None = None


class _Split(BaseModel):
    type: str


class _Header(BaseModel):
    """What is read of a header; audformat's specification has more."""

    name: str = ""
    license: str | None = None
    languages: list[str] | None = None
    tables: Annotated[dict[str, _Table], BeforeValidator(_name_entries), Field(min_length=1)]
    misc_tables: Annotated[dict[str, _Table], BeforeValidator(_name_entries)] = {}
    schemes: Annotated[dict[str, _Scheme], BeforeValidator(_name_entries)] = {}
    splits: Annotated[dict[str, _Split], BeforeValidator(_name_entries)] = {}


def read_database(file: Path) -> pd.DataFrame:
    """Read the recordings of a database that have an emotion.

    A recording is a file, or a part of one. What a table says of a whole file is also true of its
    parts. A label of a scheme stands for what the scheme says of it: a name, or fields such as the
    speaker's sex, in the header or in a table of speakers.

    Args:
        file: the header; the tables are beside it

    Returns:
        file, start, end (seconds, NaN where the file ends) and as text what is known of speaker,
        emotion, sex, language, corpus, split, performance and licence; the empty text where it is
        not known

    Raises:
        CorpusError: a file is no such table, no table has an emotion, or two tables contradict
            each other
    """
    header = _read_header(file)
    nothing = pd.DataFrame(columns=[*_RECORDING, "field", "value", "table"])
    tables = list(_list_statements(file, header)) or [nothing]
    statements = pd.concat(tables, ignore_index=True)
    emotions = statements[statements["field"].eq("emotion")]
    if emotions.empty:
        raise CorpusError(
            f"{file}: none of its tables {join_names(list(header.tables))} has a column "
            "`emotion`, or one of the scheme `emotion`"
        )
    _refuse_files_and_parts(file, emotions)
    recordings = emotions[_RECORDING].drop_duplicates()
    known = _join(recordings, statements)
    _refuse_contradictions(file, known)
    values = known.drop_duplicates([*_RECORDING, "field"])
    rows = values.pivot(index=_RECORDING, columns="field", values="value").fillna("").reset_index()
    rows["end"] = rows["end"].mask(rows["end"].eq(_FILE_END))
    return _add_header_values(rows, header)


def as_text(column: "pd.Series[Any]") -> "pd.Series[str]":
    """Return a column as text, without spaces around it; empty where there is no value."""
    if pd.api.types.is_float_dtype(column) and not column.dropna().mod(1).any():
        column = column.astype("Int64")  # whole numbers, of which some are missing
    return column.astype("string").fillna("").astype(str).str.strip()


def _read_header(file: Path) -> _Header:
    try:
        return _Header.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        raise CorpusError(f"{file}: no header of audformat ({key}: {first['msg']})") from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise CorpusError(f"{file}: no header of audformat ({last_line(str(error))})") from None


def _list_statements(file: Path, header: _Header) -> Iterator[pd.DataFrame]:
    """Yield what each table says: columns file, start, end, field, value, table."""
    for name, table in header.tables.items():
        fields = _name_fields(header, table)
        split = header.splits.get(table.split_id or "")
        if not fields and not split:
            continue
        rows = _read_table(file, name)
        recordings = _read_index(rows, f"{file}: its table `{name}`")
        for column, field in fields.items():
            scheme = table.columns[column].scheme_id or field
            text = as_text(rows[column]) if column in rows else pd.Series("", index=rows.index)
            names = _read_names(header, scheme, field)
            yield _state(recordings, field, _translate(text, names), name)
            labels, origin = _read_fields(file, header, scheme, field)
            for other, by_label in labels.items():
                yield _state(recordings, other, text.map(by_label).fillna(""), origin or name)
        if split:
            yield _state(recordings, "split", pd.Series(split.type, index=rows.index), name)


def _name_fields(header: _Header, table: _Table) -> dict[str, str]:
    """Return the columns that say what is looked for, by their name, else by their scheme's."""
    named = {name: _FIELDS[name.lower()] for name in table.columns if name.lower() in _FIELDS}
    everywhere = {
        _FIELDS.get(name.lower())
        for other in (*header.tables.values(), *header.misc_tables.values())
        for name in other.columns
    }
    for name, column in table.columns.items():
        field = _FIELDS.get((column.scheme_id or "").lower())
        if name not in named and field and field not in everywhere:
            named[name] = field
    return named


def _read_table(file: Path, name: str) -> pd.DataFrame:
    candidates: dict[Path, Callable[[Path], pd.DataFrame]] = {
        file.with_name(f"{file.stem}.{name}.csv"): read_csv,
        file.with_name(f"{file.stem}.{name}.parquet"): pd.read_parquet,
    }
    for path, reader in candidates.items():
        if path.is_file():
            try:
                return reader(path)
            except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors, too
                raise CorpusError(f"{path}: no table ({last_line(str(error))})") from None
    names = " or ".join(path.name for path in candidates)
    raise CorpusError(
        f"{file}: its table `{name}` is missing: {names} is expected. Pickled tables are not read: "
        "save the database with storage_format='csv'"
    )


def _read_index(rows: pd.DataFrame, what: str) -> pd.DataFrame:
    """Return the recordings of a table of files or of parts: `_RECORDING`.

    Args:
        what: begins the message of an error
    """
    if "file" not in rows:
        raise CorpusError(f"{what} has no column `file`, but {join_names([*map(str, rows)])}")
    return pd.DataFrame(
        {
            "file": as_text(rows["file"]),
            "start": _read_seconds(rows, "start", what).fillna(0.0),
            "end": _read_seconds(rows, "end", what).fillna(_FILE_END),
        }
    )


def _read_seconds(rows: pd.DataFrame, name: str, what: str) -> "pd.Series[float]":
    if name not in rows:
        return pd.Series(float("nan"), index=rows.index)
    try:
        return pd.Series(pd.to_timedelta(rows[name].replace("", None)).dt.total_seconds())
    except ValueError as error:
        raise CorpusError(f"{what}, {name}: {last_line(str(error))}") from None


def _translate(text: "pd.Series[str]", names: dict[str, str]) -> "pd.Series[str]":
    return text.map(lambda label: names.get(label, label))


def _labels_of(header: _Header, scheme: str) -> dict[Any, Any] | list[Any] | str | None:
    return header.schemes[scheme].labels if scheme in header.schemes else None


def _read_names(header: _Header, scheme: str, field: str) -> dict[str, str]:
    """Return what the labels of a scheme stand for, such as `W` for angry."""
    labels = _labels_of(header, scheme)
    names = {}
    for label, described in labels.items() if isinstance(labels, dict) else ():
        name = described.get(field) if isinstance(described, dict) else described
        if name not in (None, ""):
            names[str(label)] = str(name)
    return names


def _read_fields(
    file: Path, header: _Header, scheme: str, field: str
) -> tuple[dict[str, dict[str, str]], str]:
    """Return what else is said of a scheme's labels, by field and label, and by which table.

    It stands in the header, or in a table whose index are the labels: the one that the scheme
    names, or one whose index is called like the field.
    """
    labels = _labels_of(header, scheme)
    for name, table in header.misc_tables.items():
        if name == labels or list(table.levels) == [field]:
            return _read_fields_of_table(file, header, name), name
    by_field: dict[str, dict[str, str]] = {}
    for label, described in labels.items() if isinstance(labels, dict) else ():
        for name, value in described.items() if isinstance(described, dict) else ():
            other = _FIELDS.get(str(name).lower(), field)
            if other != field and value not in (None, ""):
                by_field.setdefault(other, {})[str(label)] = str(value)
    return by_field, ""


def _read_fields_of_table(file: Path, header: _Header, name: str) -> dict[str, dict[str, str]]:
    rows, table = _read_table(file, name), header.misc_tables[name]
    level = next(iter(table.levels), str(rows.columns[0]))
    fields = _name_fields(header, table)
    if missing := [column for column in (level, *fields) if column not in rows]:
        raise CorpusError(f"{file}: its table `{name}` has no column {join_names(missing)}")
    by_field = {}
    for column, field in fields.items():
        names = _read_names(header, table.columns[column].scheme_id or field, field)
        values = _translate(as_text(rows[column]), names)
        by_field[field] = dict(zip(as_text(rows[level]), values, strict=True))
    return by_field


def _state(
    recordings: pd.DataFrame, field: str, values: "pd.Series[str]", table: str
) -> pd.DataFrame:
    if field in ("sex", "split"):
        values = values.str.lower()
    return recordings.assign(field=field, value=values, table=table)[values.ne("")]


def _refuse_files_and_parts(file: Path, emotions: pd.DataFrame) -> None:
    """Refuse emotions of whole files and of their parts: which are the recordings is not known."""
    is_whole = _is_whole(emotions)
    both = set(emotions.loc[is_whole, "file"]) & set(emotions.loc[~is_whole, "file"])
    if both:
        tables = emotions[emotions["file"].isin(both)]
        of_files, of_parts = (
            join_names(list(tables.loc[selected, "table"].unique()))
            for selected in (_is_whole(tables), ~_is_whole(tables))
        )
        raise CorpusError(
            f"{file}: table {of_files} has the emotion of whole files and table {of_parts} that of "
            f"their parts: {join_names(sorted(both))}; take one of the two out of `tables`"
        )


def _is_whole(recordings: pd.DataFrame) -> "pd.Series[bool]":
    return recordings["start"].eq(0) & recordings["end"].eq(_FILE_END)


def _join(recordings: pd.DataFrame, statements: pd.DataFrame) -> pd.DataFrame:
    """Return what the tables say of each recording, and of the file that it is a part of."""
    parts = recordings[~_is_whole(recordings)]
    of_files = statements[_is_whole(statements)].drop(columns=["start", "end"])
    own = recordings.merge(statements, on=_RECORDING)
    return pd.concat([own, parts.merge(of_files, on="file")], ignore_index=True)


def _refuse_contradictions(file: Path, known: pd.DataFrame) -> None:
    values = known.groupby([*_RECORDING, "field"])["value"].transform("nunique")
    if not values.gt(1).any():
        return
    field = known.loc[values.gt(1), "field"].iloc[0]
    wrong = known[values.gt(1) & known["field"].eq(field)]
    tables = " and ".join(f"`{name}`" for name in wrong["table"].unique())
    files = list(wrong["file"].unique())
    examples = " and ".join(wrong.loc[wrong["file"].eq(files[0]), "value"].unique())
    raise CorpusError(
        f"{file}: the tables {tables} contradict each other in the {field} of {join_names(files)}, "
        f"such as {examples}: mend one, or take it out of `tables`"
    )


def _add_header_values(rows: pd.DataFrame, header: _Header) -> pd.DataFrame:
    """Fill what the tables leave open with what the header says of all recordings."""
    languages = header.languages or []
    defaults = {
        "corpus": header.name,
        "licence": header.license or "",
        "language": languages[0] if len(languages) == 1 else "",
    }
    for column, value in defaults.items():
        own = rows[column] if column in rows else pd.Series("", index=rows.index)
        rows[column] = own.mask(own.eq(""), value)
    return rows
