"""Each export is read back by the program that it is written for."""

import csv
import io
import json
import re
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import audformat
import pandas as pd
import pyarrow.parquet as parquet
import pytest
from helpers.timelines import CONTEXT, FILE_NAMES, ROWS, new_row, timelines
from hypothesis import given
from pympi import Eaf, TextGrid

from avemo.errors import SettingsError
from avemo.inference.timeline_row import TimelineRow
from avemo.serving.exports import FORMATS, ExportContext, export_chunks, write_timeline

#: half a millisecond, and what a float of an hour adds
NEAR_S = 0.000501


def export(rows: list[TimelineRow], name: str, context: ExportContext = CONTEXT) -> bytes:
    return b"".join(export_chunks(rows, name, context=context))


def read_csv(content: bytes) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(content))


def read_parquet(content: bytes) -> pd.DataFrame:
    return pd.read_parquet(io.BytesIO(content))


def read_eaf(content: bytes) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "a.eaf")
        file.write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return Eaf(file)


def read_textgrid(content: bytes) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "a.TextGrid")
        file.write_bytes(content)
        return TextGrid(file)


def read_cues(content: bytes) -> Iterator[tuple[float, float, str]]:
    """Yield start, end and text of each cue, as WebVTT's grammar has them."""
    blocks = re.split(r"\n{2,}", content.decode().strip("\n"))
    assert re.fullmatch(r"WEBVTT( [^\n]*)?", blocks[0])
    stamp = r"(\d{2,}):([0-5]\d):([0-5]\d\.\d{3})"
    for block in blocks[1:]:
        if block.startswith("NOTE\n"):
            assert "-->" not in block
            continue
        timing, _, text = block.partition("\n")
        match = re.fullmatch(f"{stamp} --> {stamp}", timing)
        assert match, block
        assert text
        assert "-->" not in text
        hours, minutes, seconds, *end = map(float, match.groups())
        yield 3600 * hours + 60 * minutes + seconds, 3600 * end[0] + 60 * end[1] + end[2], text


def spans(rows: list[TimelineRow]) -> list[tuple[float, float]]:
    return [(float(row.span.start), float(row.span.end)) for row in rows]


def test_the_table_of_formats() -> None:
    assert {name: entry.suffix for name, entry in FORMATS.items()} == {
        "csv": ".csv",
        "parquet": ".parquet",
        "ndjson": ".ndjson",
        "json": ".json",
        "vtt": ".vtt",
        "chapters": ".chapters.vtt",
        "elan": ".eaf",
        "textgrid": ".TextGrid",
    }
    with pytest.raises(SettingsError, match="'srt' is no format of a timeline: choose csv"):
        export(ROWS, "srt")


@pytest.mark.parametrize("name", FORMATS)
def test_the_notice_the_model_and_the_purpose_stand_in_every_export(name: str) -> None:
    context = replace(CONTEXT, purpose="a study of acted speech")
    content = export(ROWS, name, context)
    if name == "parquet":
        metadata = parquet.read_schema(io.BytesIO(content)).metadata
        content = metadata[b"avemo"]
        assert metadata[b"notice"].decode() == CONTEXT.notice
    text = content.decode()
    assert CONTEXT.notice in text
    assert "avemo-fused version 3" in text
    assert "a study of acted speech" in text


def test_a_csv_is_read_without_options() -> None:
    table = read_csv(export(ROWS, "csv"))
    assert table["start"].tolist() == pytest.approx([start for start, _ in spans(ROWS)], abs=1e-6)
    assert table["emotion"].fillna("").tolist() == [row.emotion for row in ROWS]
    assert table["unsure"].tolist() == [row.unsure for row in ROWS]
    assert table["track"].tolist() == [row.track for row in ROWS]
    assert table["p_happy"][0] == 0.7
    assert table["finding"].tolist()[2] == "no-face"
    assert table.loc[2, ["p_happy", "box_left", "probability"]].isna().all()
    assert table["notice"].unique().tolist() == [CONTEXT.notice]


def test_a_parquet_file_is_a_table_of_segments_for_audformat() -> None:
    table = read_parquet(export(ROWS, "parquet"))
    audformat.assert_index(table.index)
    assert audformat.is_segmented_index(table.index)
    expected = audformat.segmented_index(["a"], [0], [1])
    for level in ("start", "end"):
        assert table.index.get_level_values(level).dtype == expected.get_level_values(level).dtype
    starts = table.index.get_level_values("start")
    assert starts[1] == pd.Timedelta("1.001s")
    assert table["p_angry"].iloc[-1] == 0.7
    assert table["track"].tolist() == [0] * 5 + [1]
    assert table["speaking"].tolist()[:2] == [True, True]
    assert table["box"].iloc[0].tolist() == [0.1, 0.2, 0.5, 0.75]
    database = audformat.Database("films")
    database["emotion"] = audformat.Table(table.index)
    database["emotion"]["emotion"] = audformat.Column()
    database["emotion"]["emotion"].set(table["emotion"].to_list())
    assert database["emotion"].df["emotion"].iloc[-1] == "angry"


def test_json_and_its_lines_hold_the_rows_themselves() -> None:
    document = json.loads(export(ROWS, "json"))
    header, *lines = map(json.loads, export(ROWS, "ndjson").splitlines())
    assert [TimelineRow.from_dict(fields) for fields in document["rows"]] == ROWS
    assert [TimelineRow.from_dict(fields) for fields in lines] == ROWS
    expected = {"file": "interview.mp4", "model": "avemo-fused version 3", "window": 3.0, "hop": 1}
    assert header.items() >= expected.items()
    assert document.items() >= header.items()


def test_metadata_cues_hold_the_rows_themselves() -> None:
    cues = list(read_cues(export(ROWS, "vtt")))
    assert [TimelineRow.from_dict(json.loads(text)) for _, _, text in cues] == ROWS
    assert cues[0][:2] == (0, 1.001)
    assert cues[4][1] == 4.667


def test_chapters_join_neighbours_and_name_every_track() -> None:
    one_track = [row for row in ROWS if row.track == 0]
    assert list(read_cues(export(one_track, "chapters"))) == [
        (0, 2, "happy"),
        (3, 4, "not sure"),
        (4, 4.667, "sad"),
    ]
    assert list(read_cues(export(ROWS, "chapters"))) == [
        (0, 1, "track 0: happy"),
        (1, 2, "track 0: happy, track 1: angry"),
        (2, 3, "track 1: angry"),
        (3, 4, "track 0: not sure, track 1: angry"),
        (4, 4.667, "track 0: sad, track 1: angry"),
    ]


def test_elan_has_a_tier_a_track_and_the_clip() -> None:
    document = read_eaf(export(ROWS, "elan", replace(CONTEXT, location=Path("/a b/interview.mp4"))))
    assert list(document.get_tier_names()) == ["track 0", "track 1"]
    annotations = document.get_annotation_data_for_tier("track 0")
    assert annotations == [(0, 2000, "happy"), (3000, 4000, "not sure"), (4000, 4667, "sad")]
    (media,) = document.get_linked_files()
    assert media["MEDIA_URL"] == "file:///a b/interview.mp4"
    assert media["RELATIVE_MEDIA_URL"] == "./interview.mp4"
    assert media["MIME_TYPE"] == "video/mp4"
    assert dict(document.get_properties())["avemo.notice"] == CONTEXT.notice


def test_praat_has_a_tier_a_track_with_gaps_as_empty_intervals() -> None:
    grid = read_textgrid(export(ROWS, "textgrid"))
    assert [tier.name for tier in grid.get_tiers()] == ["track 0", "track 1", "notice"]
    assert (grid.xmin, grid.xmax) == (0, 4.667)
    assert grid.get_tier("track 0").intervals == [
        (0, 2, "happy"),
        (2, 3, ""),
        (3, 4, "not sure"),
        (4, 4.667, "sad"),
    ]
    assert grid.get_tier("track 1").intervals == [(0, 1, ""), (1, 4.667, "angry")]


@pytest.mark.parametrize("name", FORMATS)
def test_a_clip_without_rows(name: str) -> None:
    content = export([], name)
    if name == "csv":
        assert read_csv(content).empty
    elif name == "parquet":
        assert audformat.is_segmented_index(read_parquet(content))
    elif name == "elan":
        assert list(read_eaf(content).get_tier_names()) == ["sound"]
    elif name == "textgrid":
        assert read_textgrid(content).xmax > 0
    elif name == "json":
        assert json.loads(content)["rows"] == []
    elif name == "ndjson":
        assert len(content.splitlines()) == 1
    else:
        assert list(read_cues(content)) == []


@given(timelines())
def test_no_time_is_off_by_more_than_a_millisecond(rows: list[TimelineRow]) -> None:
    table = read_csv(export(rows, "csv"))
    frame = read_parquet(export(rows, "parquet"))
    cues = list(read_cues(export(rows, "vtt")))
    by_format = {
        "csv": list(zip(table["start"], table["end"], strict=True)),
        "parquet": [(start.total_seconds(), end.total_seconds()) for _, start, end in frame.index],
        "vtt": [cue[:2] for cue in cues],
    }
    for name, times in by_format.items():
        visible = [row for row in rows if name != "vtt" or _is_visible(row)]
        assert len(times) == len(visible), name
        for written, exact in zip(times, spans(visible), strict=True):
            assert written == pytest.approx(exact, abs=NEAR_S), name


def _is_visible(row: TimelineRow) -> bool:
    """Whether it is not so short that both ends fall on the same millisecond."""
    return round(row.span.start * 1000) < round(row.span.end * 1000)


@given(timelines())
def test_segments_hold_every_row_s_label_and_never_overlap(rows: list[TimelineRow]) -> None:
    document, grid = read_eaf(export(rows, "elan")), read_textgrid(export(rows, "textgrid"))
    for track in {row.track for row in rows}:
        name = "sound" if track is None else f"track {track}"
        tiers = {
            "elan": sorted(
                (start / 1000, end / 1000, text)
                for start, end, text in document.get_annotation_data_for_tier(name)
            ),
            "textgrid": [entry for entry in grid.get_tier(name).intervals if entry[2]],
        }
        assert tiers["elan"] == tiers["textgrid"]
        _check_segments(tiers["elan"], [row for row in rows if row.track == track])
        intervals = grid.get_tier(name).intervals
        assert intervals[0][0] == 0
        assert intervals[-1][1] == grid.xmax
        assert all(a[1] == b[0] for a, b in pairwise(intervals))


def _check_segments(segments: list[tuple[float, float, str]], rows: list[TimelineRow]) -> None:
    for before, after in pairwise(segments):
        assert before[1] <= after[0]
        assert before[1:] != (after[0], after[2])
    for row in rows:
        middle = float(row.span.middle)
        labels = [text for start, end, text in segments if start - 0.001 < middle < end + 0.001]
        label = "not sure" if row.unsure else row.emotion
        if row.span.duration > 0.003:
            assert labels == ([label] if label else [])


@given(timelines())
def test_chapters_never_overlap_and_say_what_holds(rows: list[TimelineRow]) -> None:
    cues = list(read_cues(export(rows, "chapters")))
    for before, after in pairwise(cues):
        assert before[1] <= after[0]
    for row in rows:
        if row.span.duration > 0.003 and row.emotion:
            label = "not sure" if row.unsure else row.emotion
            (text,) = [
                text for start, end, text in cues if start - 1e-9 <= _inside(row, cues) < end
            ]
            assert label in text


def _inside(row: TimelineRow, cues: list[tuple[float, float, str]]) -> float:
    """Return a moment of a row that is no border of a chapter."""
    start, end = float(row.span.start) + 0.001, float(row.span.end) - 0.001
    borders = sorted({start, end, *(b for cue in cues for b in cue[:2] if start < b < end)})
    first, second = max(pairwise(borders), key=lambda pair: pair[1] - pair[0])
    return (first + second) / 2


@given(FILE_NAMES)
def test_every_file_name_survives(name: str) -> None:
    context = replace(CONTEXT, file=name)
    (row, *_) = csv.DictReader(io.StringIO(export(ROWS, "csv", context).decode(), newline=""))
    assert row["file"] == name
    content = io.BytesIO(export(ROWS, "csv", context))
    table = pd.read_csv(content, dtype={"file": str}, na_filter=False)
    assert table["file"].tolist() == [name] * len(ROWS)
    assert read_parquet(export(ROWS, "parquet", context)).index[0][0] == name
    assert json.loads(export(ROWS, "json", context))["file"] == name
    assert json.loads(export(ROWS, "ndjson", context).splitlines()[0])["file"] == name
    document = read_eaf(export(ROWS, "elan", context))
    assert json.loads(dict(document.get_properties())["avemo.file"]) == name
    notice = read_textgrid(export(ROWS, "textgrid", context)).get_tier("notice").intervals[0][2]
    for text in (notice, export(ROWS, "vtt", context).decode()):
        match = re.search(r'File: ("(?:[^"\\]|\\.)*")', text)
        assert match
        assert json.loads(match[1]) == name
    assert len(list(read_cues(export(ROWS, "vtt", context)))) == len(ROWS)


def test_a_name_of_bytes_that_are_no_text(tmp_path: Path) -> None:
    context = replace(CONTEXT, file="a\udcff.mp4")
    for name, entry in FORMATS.items():
        write_timeline(ROWS, name, tmp_path / f"a{entry.suffix}", context=context)
    assert read_csv((tmp_path / "a.csv").read_bytes()).loc[0, "file"] == r"a\udcff.mp4"


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    def broken() -> Iterator[TimelineRow]:
        yield ROWS[0]
        raise RuntimeError("the model died")

    target = tmp_path / "a.csv"
    target.write_text("before")
    with pytest.raises(RuntimeError):
        write_timeline(broken(), "csv", target, context=CONTEXT)
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


def test_cues_of_a_file_come_in_the_order_of_their_start(tmp_path: Path) -> None:
    late_gap = new_row(0.5, 0.75, track=None)
    write_timeline([*ROWS, late_gap], "vtt", tmp_path / "a.vtt", context=CONTEXT)
    starts = [cue[0] for cue in read_cues((tmp_path / "a.vtt").read_bytes())]
    assert starts == sorted(starts)
    assert len(starts) == len(ROWS) + 1


@pytest.mark.parametrize("name", [name for name, entry in FORMATS.items() if entry.streams])
def test_a_format_that_streams_gives_a_row_before_it_takes_the_next(name: str) -> None:
    taken: list[int] = []

    def rows() -> Iterator[TimelineRow]:
        for number, row in enumerate(ROWS):
            taken.append(number)
            yield row

    chunks = export_chunks(rows(), name, context=CONTEXT)
    next(chunks)
    assert taken == []
    next(chunks)
    assert taken == [0]
