"""Files out of bodies, however they are cut into pieces, and the folder that they go to."""

import asyncio
import json
import struct
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avemo.serving.asgi import Message, Receive
from avemo.serving.refusal import Refusal
from avemo.serving.spool import Spool
from avemo.serving.tensors import read_request
from avemo.serving.uploads import receive_files

FORM = (
    b"--edge\r\nContent-Disposition: form-data; name=a\r\n\r\na field\r\n"
    b'--edge\r\nContent-Disposition: form-data; name="f"; filename="clip 1.wav"\r\n'
    b"Content-Type: audio/wav\r\n\r\n" + bytes(range(256)) + b"\r\n--edg\r\n"
    b"\r\n--edge\r\nContent-Disposition: form-data; name=g; filename=\"\"\r\n\r\n"
    b"\r\n--edge--\r\n"
)  # fmt: skip
SCOPE = {"headers": [(b"content-type", b"multipart/form-data; boundary=edge")]}


def receive_pieces(body: bytes, cuts: Sequence[int]) -> Receive:
    """Return what gives a body in pieces."""
    edges = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    pieces = [body[start:end] for start, end in pairwise(edges)] or [body]
    messages = [
        {"type": "http.request", "body": piece, "more_body": number < len(pieces)}
        for number, piece in enumerate(pieces, 1)
    ]

    async def receive() -> Message:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    return receive


@pytest.fixture(scope="module")
def spool(tmp_path_factory: pytest.TempPathFactory) -> Spool:
    return Spool(1_000_000, tmp_path_factory.mktemp("spool"))


@given(cuts=st.lists(st.integers(0, 10_000), max_size=30))
def test_a_form_in_any_pieces(spool: Spool, cuts: list[int]) -> None:
    with ExitStack() as files:
        pieces = receive_pieces(FORM, cuts)
        uploads = asyncio.run(receive_files(SCOPE, pieces, spool, files, max_files=3))
        contents = [(upload.name, upload.file.path.read_bytes()) for upload in uploads]
    assert contents == [("clip 1.wav", bytes(range(256)) + b"\r\n--edg\r\n"), ("2", b"")]
    assert spool.used_bytes == 0
    assert [file.name for file in spool.folder.iterdir()] == ["lock"]


@given(end=st.integers(0, len(FORM) - 5))
def test_a_form_that_is_cut_short_is_refused(spool: Spool, end: int) -> None:
    pieces = receive_pieces(FORM[:end], [])
    with ExitStack() as files, pytest.raises(Refusal) as raised:
        asyncio.run(receive_files(SCOPE, pieces, spool, files, max_files=3))
    assert raised.value.code == "form"
    assert spool.used_bytes == 0


@given(
    elements=st.lists(st.binary(max_size=300), min_size=1, max_size=5),
    cuts=st.lists(st.integers(0, 10_000), max_size=30),
)
def test_a_tensor_in_any_pieces(spool: Spool, elements: list[bytes], cuts: list[int]) -> None:
    binary = b"".join(struct.pack("<I", len(element)) + element for element in elements)
    tensor = {
        "name": "media",
        "datatype": "BYTES",
        "shape": [len(elements), 1],
        "parameters": {"binary_data_size": len(binary)},
    }
    head = json.dumps({"inputs": [tensor]}).encode()
    with ExitStack() as files:
        request = asyncio.run(
            read_request(
                receive_pieces(head + binary, cuts),
                len(head),
                spool,
                files,
                names=["emotion"],
                max_files=5,
            )
        )
        contents = [Path(str(media.source)).read_bytes() for media in request.media]
    assert contents == elements
    assert request.outputs == {"emotion": False}


@pytest.mark.parametrize(
    "change", [b"", b"\xff\xff\xff\x7fx", b"\0\0"], ids=["less", "huge", "half"]
)
def test_a_tensor_that_is_not_as_announced_is_refused(spool: Spool, change: bytes) -> None:
    tensor = {
        "name": "media",
        "datatype": "BYTES",
        "shape": [1],
        "parameters": {"binary_data_size": 7},
    }
    head = json.dumps({"inputs": [tensor]}).encode()
    with ExitStack() as files, pytest.raises(Refusal, match="bytes of elements"):
        asyncio.run(
            read_request(
                receive_pieces(head + change, []), len(head), spool, files, names=[], max_files=5
            )
        )


def test_who_hangs_up_in_the_middle_leaves_nothing(spool: Spool) -> None:
    messages: list[Message] = [
        {"type": "http.request", "body": b"x" * 1000, "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return messages.pop(0)

    with ExitStack() as files, pytest.raises(Refusal, match="hung up"):
        asyncio.run(receive_files({"headers": []}, receive, spool, files, max_files=1))
    assert spool.used_bytes == 0


def test_what_a_killed_process_left_is_deleted(tmp_path: Path) -> None:
    abandoned = tmp_path / "avemo-spool-old"
    (abandoned / "upload").mkdir(parents=True)
    (abandoned / "lock").touch()
    living = Spool(1000, tmp_path)
    assert not abandoned.exists()
    Spool(1000, tmp_path).close()
    assert living.folder.exists()
    living.close()
    assert list(tmp_path.iterdir()) == []
