"""One file, brought from a server that may fail, and checked.

`NAME.part` grows beside the target and is taken up where it stopped; the target is whole, and its
md5 is the one that was expected.
"""

import hashlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from tqdm import tqdm
from urllib3 import BaseHTTPResponse
from urllib3.util import Retry

from ...errors import CorpusError

__all__ = ["Damaged", "DownloadError", "Moved", "Unreachable", "arrived", "bring", "get_json"]

CONNECT_S, ANSWER_S = 10.0, 30.0
TRIES = 6  # in a row that bring nothing
BACKOFF_S = 1.0  # after the first; doubled with each
PATIENCE_S = 600.0  # what a server may ask to wait
CHUNK = 1 << 16

Moved = Callable[[int], None]


class DownloadError(CorpusError):
    """A server does not give what it is asked for; the message is the reason alone."""


class Unreachable(DownloadError):
    """No connection, or no answer."""


class Damaged(CorpusError):
    """A file came with another md5 than expected."""


def bring(url: str, target: Path, *, size: int, md5: str, moved: Moved) -> None:
    """Bring a file, or the rest of it, and check it.

    What came damaged is fetched once more from the start.

    Args:
        size: in bytes
        moved: told how many bytes have come, or by how many there are fewer. What it raises ends
            the download; what has come is kept

    Raises:
        DownloadError: the server does not give it; what has come is kept
        Damaged: it came twice with a wrong md5; nothing of it is kept
        CorpusError: the server asks to wait too long
    """
    if target.is_file():
        if _md5(target) == md5:
            return
        moved(-_discard(target))
    part = _part(target)
    for _ in range(2):
        with _explained():
            _grow(url, part, size, moved)
        got = _md5(part)
        if got == md5:
            part.replace(target)
            return
        moved(-_discard(part))
    raise Damaged(f"{url} came twice with a wrong checksum: got md5 {got}, expected {md5}")


def arrived(target: Path) -> int:
    """How many bytes of a file are here, in its part or as a whole."""
    return max(_size(target), _size(_part(target)))


def get_json(url: str) -> Any:
    """What a server answers in JSON. One that cannot be reached is asked twice at most.

    Raises:
        DownloadError: the server does not give it, or gives something else
        CorpusError: the server asks to wait too long
    """
    with _explained(), _session(url, connect=1) as session:
        response = session.get(url, timeout=(CONNECT_S, ANSWER_S))
        response.raise_for_status()
        return response.json()


# how a file grows


def _grow(url: str, part: Path, size: int, moved: Moved) -> None:
    """Let the part grow to the file's size, in as many requests as it takes."""
    furthest, failures = _size(part), 0
    with _session(url, connect=TRIES) as session:
        while _size(part) < size:
            broken = _receive(session, url, part, size, moved)
            here = _size(part)
            if here >= size:
                return
            failures = 0 if here > furthest else failures + 1
            furthest = max(here, furthest)
            if failures > TRIES:
                raise broken or requests.ConnectionError("it ends before its declared size")
            time.sleep(BACKOFF_S * 2**failures)


def _receive(
    session: requests.Session, url: str, part: Path, size: int, moved: Moved
) -> requests.RequestException | None:
    """One request, for what the part still lacks.

    Returns:
        what broke it off
    """
    start = _size(part)
    headers = {"Range": f"bytes={start}-"} if start else {}
    timeout = (CONNECT_S, ANSWER_S)
    with session.get(url, headers=headers, stream=True, timeout=timeout) as response:
        if not (start and response.status_code == requests.codes.requested_range_not_satisfiable):
            response.raise_for_status()
        if start and not _continues(response, start, size):
            moved(-_discard(part))
            if response.status_code != requests.codes.ok:
                return None
        with part.open("ab") as file:
            try:
                for chunk in response.iter_content(CHUNK):
                    file.write(chunk)
                    moved(len(chunk))
                    if file.tell() > size:
                        break  # its checksum will be wrong
            except requests.RequestException as error:
                return error
    return None


def _continues(response: requests.Response, start: int, size: int) -> bool:
    """Whether an answer is what was asked for: the rest."""
    place = response.headers.get("Content-Range", "")
    return (
        response.status_code == requests.codes.partial_content
        and place.startswith(f"bytes {start}-")
        and place.endswith((f"/{size}", "/*"))
    )


# how a server is spoken to


class _Patient(Retry):
    """As urllib3's, and no longer than one would wait."""

    def __init__(self, *, server: str, **options: Any) -> None:
        super().__init__(**options)
        self.server = server

    def new(self, **options: Any) -> Self:  # each try is a copy
        return super().new(server=self.server, **options)

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        seconds = super().get_retry_after(response)
        if seconds and seconds > PATIENCE_S:
            raise CorpusError(
                f"{self.server} asks to wait {seconds:.0f} s: run the same command again after "
                "that; it picks up from here"
            )
        if seconds:
            tqdm.write(f"{self.server} asks to wait {seconds:.0f} s", file=sys.stderr)
        return seconds


def _session(url: str, *, connect: int) -> requests.Session:
    """A session that tries again by itself until an answer begins, and waits where it is asked to.

    Args:
        connect: how often a server that does not answer is tried again
    """
    place = urlsplit(url)
    retry = _Patient(
        server=f"{place.scheme}://{place.netloc}",
        total=TRIES,
        connect=connect,
        read=connect,
        backoff_factor=BACKOFF_S,
        status_forcelist=(429, 500, 502, 503, 504),
    )
    session = requests.Session()
    session.headers["Accept-Encoding"] = "identity"  # a range counts the file's own bytes
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    return session


@contextmanager
def _explained() -> Iterator[None]:
    """Trouble with the network as its reason."""
    try:
        yield
    except requests.RequestException as error:
        unreachable = isinstance(error, requests.ConnectionError | requests.Timeout)
        raise (Unreachable if unreachable else DownloadError)(_reason(error)) from None


def _reason(error: requests.RequestException) -> str:
    if error.response is not None:
        return f"{error.response.url} answered {error.response.status_code}"
    if "timed out" in str(error):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection breaks off"
    inner = str(getattr(error.args[0], "reason", error) if error.args else error)
    return inner.rpartition("): ")[2] or inner


# files


def _part(target: Path) -> Path:
    return target.with_name(f"{target.name}.part")


def _size(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0


def _discard(file: Path) -> int:
    """Remove a file; returns how large it was."""
    size = _size(file)
    file.unlink()
    return size


def _md5(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
