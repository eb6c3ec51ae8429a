"""Each form that callers have a clip's content in is its content, and nothing else is."""

import base64
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avemo.errors import MediaError
from avemo.inference.media_cell import read_media

CONTENT = st.binary(min_size=12, max_size=200)


@given(CONTENT, st.sampled_from(["standard", "url", "lines", "unpadded", "data URL"]))
def test_text_is_content(content: bytes, form: str) -> None:
    standard = base64.b64encode(content).decode()
    text = {
        "standard": standard,
        "url": base64.urlsafe_b64encode(content).decode(),
        "lines": base64.encodebytes(content).decode(),
        "unpadded": standard.rstrip("="),
        "data URL": f"data:audio/ogg;codecs=opus;base64,{standard}",
    }[form]
    assert read_media(text) == content


@given(CONTENT)
def test_bytes_in_any_type_are_content(content: bytes) -> None:
    for cell in (content, bytearray(content), memoryview(content), io.BytesIO(content)):
        assert read_media(cell) == content
    assert read_media(np.bytes_(content)) == content


def test_a_path_is_a_path_and_text_never_is() -> None:
    assert read_media(Path("clip.mp4")) == Path("clip.mp4")
    for text in ("clip.mp4", "clip", "/etc/hostname", "a" * 15, "", "data:,plain"):
        with pytest.raises(MediaError, match="this is not base64"):
            read_media(text)


@pytest.mark.parametrize("cell", [None, float("nan"), pd.NA, pd.NaT])
def test_a_row_without_media_is_said_to_have_none(cell: object) -> None:
    with pytest.raises(MediaError, match="the row has no media"):
        read_media(cell)


@pytest.mark.parametrize("cell", [3, 3.5, True, [b"a"], {"media": b"a"}, io.StringIO("a")])
def test_other_types_are_named_without_their_content(cell: object) -> None:
    with pytest.raises(MediaError, match=f"given as {type(cell).__name__}"):
        read_media(cell)


def test_a_closed_file_costs_its_own_row(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    with (tmp_path / "a").open("rb") as file:
        pass
    with pytest.raises(MediaError, match="cannot be read"):
        read_media(file)
