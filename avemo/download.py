"""Files fetched over HTTP by pooch, and tried again where the server or the network fails."""

import logging
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar
from urllib.parse import urlsplit

from .errors import AvemoError

if TYPE_CHECKING:
    import requests

__all__ = [
    "DownloadError",
    "Progress",
    "Unreachable",
    "fetch_file",
    "get_json",
    "require_name_server",
]

CONNECT_S, ANSWER_S = 5.0, 30.0
BACKOFF_S = 1.0  # before the second attempt; doubled with each further one
MAX_WAIT_S = 600.0  # that a server may ask for

_CHUNK_BYTES = 1 << 16
_BUSY = (429, 500, 502, 503, 504)

log = logging.getLogger(__name__)
Content = TypeVar("Content")


class DownloadError(AvemoError):
    """A server does not give what it is asked for; the message is the reason alone."""


class Unreachable(DownloadError):
    """No connection, or no answer."""


class Progress(Protocol):
    """What pooch reports the bytes of a file to."""

    total: float | None

    def update(self, count: int) -> object:
        """Add bytes that have come."""

    def reset(self) -> object:
        """Begin again at zero."""

    def close(self) -> object:
        """End: the file is complete."""


def fetch_file(
    url: str, target: Path, *, progress: Progress | bool = False, attempts: int = 1
) -> None:
    """Write what an address gives to a file; a failed attempt leaves part of it there.

    Args:
        progress: True draws a bar of its own
        attempts: how often it is tried, at most

    Raises:
        DownloadError: the server does not give it, or asks to wait too long
    """
    import pooch

    fetch = pooch.HTTPDownloader(
        progressbar=progress, chunk_size=_CHUNK_BYTES, timeout=(CONNECT_S, ANSWER_S)
    )

    def attempt() -> None:
        if not isinstance(progress, bool):
            progress.reset()
        fetch(url, str(target), None)

    _try(attempt, url, attempts)


def get_json(url: str, *, attempts: int = 1) -> object:
    """Return what a server answers in JSON.

    Raises:
        DownloadError: the server gives nothing, or something else, or asks to wait too long
    """
    import requests

    def attempt() -> object:
        response = requests.get(url, timeout=(CONNECT_S, ANSWER_S))
        response.raise_for_status()
        return response.json()

    return _try(attempt, url, attempts)


def require_name_server(url: str) -> None:
    """Fail early where no name server answers: that alone can take half a minute.

    Raises:
        Unreachable: none does
    """
    import requests

    host = urlsplit(url).hostname
    if not host or requests.utils.get_environ_proxies(url):
        return
    answered = threading.Event()

    def look_up() -> None:
        with suppress(OSError):  # the download meets the same error, and reports it
            socket.getaddrinfo(host, None)
        answered.set()

    threading.Thread(target=look_up, daemon=True).start()
    if not answered.wait(CONNECT_S):
        raise Unreachable(f"no name server knows {host} within {CONNECT_S:g} s")


def _try(attempt: Callable[[], Content], url: str, attempts: int) -> Content:
    """Call a function again while the network fails, or the server is busy.

    It waits as long as the server asks for, or twice as long as before.
    """
    import requests

    require_name_server(url)
    for number in range(attempts):
        try:
            return attempt()
        except requests.RequestException as error:
            unreachable = isinstance(error, requests.ConnectionError | requests.Timeout)
            kind = Unreachable if unreachable else DownloadError
            busy = error.response is not None and error.response.status_code in _BUSY
            broken = unreachable or isinstance(error, requests.exceptions.ChunkedEncodingError)
            if number + 1 == attempts or not (busy or broken):
                raise kind(_reason(error)) from None
            time.sleep(_requested_wait(error.response) or BACKOFF_S * 2**number)
    raise ValueError(f"attempts is {attempts}, at least 1 is expected")


def _requested_wait(response: "requests.Response | None") -> float:
    """Return how many seconds a server asks to wait, by a number or a date; 0 where it does not."""
    from urllib3.exceptions import InvalidHeader
    from urllib3.util import Retry

    header = "" if response is None else response.headers.get("Retry-After", "")
    try:
        seconds = Retry().parse_retry_after(header) if header else 0.0
    except InvalidHeader:
        seconds = 0.0
    if response is not None and seconds:
        server = "{0.scheme}://{0.netloc}".format(urlsplit(response.url))
        if seconds > MAX_WAIT_S:
            raise DownloadError(f"{server} asks to wait {seconds:.0f} s")
        log.warning("%s asks to wait %.0f s", server, seconds)
    return seconds


def _reason(error: "requests.RequestException") -> str:
    """Return the error in one line, by its innermost cause where requests wraps several."""
    import requests

    if error.response is not None and not isinstance(error, requests.JSONDecodeError):
        return f"{error.response.url} answered {error.response.status_code}"
    if isinstance(error, requests.ConnectTimeout):
        return f"no connection within {CONNECT_S:g} s"
    if isinstance(error, requests.Timeout) or "Read timed out" in str(error):
        return f"no answer within {ANSWER_S:g} s"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off"
    if isinstance(error, requests.ConnectionError):
        cause = str(getattr(error.args[0], "reason", error) if error.args else error)
        return f"no connection ({cause.rpartition('): ')[2] or cause})"
    return str(error)
