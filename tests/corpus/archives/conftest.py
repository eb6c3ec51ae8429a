from collections.abc import Iterator

import pytest
from helpers.zenodo_server import Server, serving

from avemo import download
from avemo.corpus.archives import record, zenodo


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with serving() as server:
        monkeypatch.setenv(record.ORIGIN, server.url)
        monkeypatch.setenv("NO_PROXY", "*")
        monkeypatch.setattr(download, "ANSWER_S", 0.3)
        monkeypatch.setattr(download, "BACKOFF_S", 0.001)
        monkeypatch.setattr(zenodo, "ATTEMPTS", 4)
        monkeypatch.setattr(download, "_CHUNK_BYTES", 1024)
        yield server
