"""From a version in the registry to one that may answer: pulled, checked, tried, loaded."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, replace
from pathlib import Path

from ...errors import AvemoError
from ...registry import version_cache
from ...tracking.keys import PublicKey
from ...tracking.lookup import Version
from .description import Description, describe
from .loaded import LoadedVersion
from .trial import try_in_process

__all__ = ["Candidate", "load_version"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Candidate:
    """A version that has shown that it answers."""

    loaded: LoadedVersion
    description: Description
    seal: str


def load_version(
    version: Version,
    alias: str,
    *,
    load: Callable[[Version, Path], LoadedVersion],
    timeout_s: float,
    needs_trial: bool,
    require_key: PublicKey | None = None,
) -> Candidate:
    """Load a version that may answer.

    Its files are compared with their checksums, and with their signature where one is required. It
    answers its own example as recorded: in a process of its own first, then where it is to answer.

    Args:
        version: in the registry
        alias: by which it is served
        load: loads it, see `Engine`
        timeout_s: for the trial, and for loading it
        needs_trial: try it in a process of its own first; while nothing is served, there is nothing
            that a crash could take down
        require_key: that must have signed it; None where no signature is required

    Raises:
        AvemoError: it may not, and why
    """
    start = time.perf_counter()
    if not version.seal:
        raise AvemoError("it was registered without checksums: register it again")
    folder = version_cache.get(version, require_key=require_key)
    description = describe(version, alias, folder)
    if needs_trial:
        try_in_process(folder, timeout_s)
    loaded = _load_in_time(lambda: load(version, folder), timeout_s)
    elapsed_s = time.perf_counter() - start
    log.info("avemo: %s is loaded, in %.1f s", description.label, elapsed_s)
    window_s, hop_s = loaded.windows()
    description = replace(description, window_s=window_s, hop_s=hop_s)
    return Candidate(loaded, description, version.seal)


def _load_in_time(load: Callable[[], LoadedVersion], timeout_s: float) -> LoadedVersion:
    """Load a version and try it; one that hangs keeps a thread, and does not answer."""

    def load_and_try() -> LoadedVersion:
        loaded = load()
        try:
            loaded.answer_example()
        except BaseException:
            loaded.close()
            raise
        return loaded

    pool = ThreadPoolExecutor(1, thread_name_prefix="avemo-load")
    try:
        return pool.submit(load_and_try).result(timeout_s)
    except FutureTimeoutError:
        raise AvemoError(f"it did not load and answer within {timeout_s:g} s") from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
