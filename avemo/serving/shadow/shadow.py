"""A version beside the one that answers: it is asked on spare capacity, and nobody waits for it.

What it answers changes no answer. The comparison is reported with its version in the registry.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import last_line
from ...inference.prediction import Prediction
from ...registry.shadow_report import ShadowCounts
from ...settings import Serving
from ...tracking.keys import PublicKey
from ...tracking.lookup import Version, version_address
from ..metrics import Metrics
from ..versions.current import CurrentVersion, ServedVersion
from ..versions.follower import Follower, RefusedVersion, ask_registry
from ..versions.loading import Candidate, load_version
from .backlog import Backlog, WaitingClip
from .comparison import Comparison, read_answer
from .cost import AnswerCost
from .draw import content_source, is_drawn, named_source
from .request import current_request
from .version import CandidateFailure, ProcessVersion, ShadowAnswer

__all__ = ["Shadow", "ShadowConfig", "ShadowState"]

log = logging.getLogger(__name__)

#: further clips say little more, and the report takes memory and time by their number
_MAX_CLIPS = 10_000
#: why a clip is dropped: its file has no second name, or cannot be written
_NOT_KEPT = "not-kept"
_LOOK_S = 0.05
_TICK_S = 1.0
#: for writing a report, with little of the processor; and for the last one
_WRITE_S, _LAST_WRITE_S = 600.0, 60.0
#: of the process that writes a report, at most: it takes seconds of the processor
_WRITING_NICENESS = 10
_MARGIN_S = 5.0


@dataclass(frozen=True)
class ShadowConfig:
    """What is compared, and where.

    Args:
        model: the registered model's name
        serving: of params.yaml
        spool: the folder of uploads
        require_key: that must have signed the candidate; None where none is required
    """

    model: str
    serving: Serving
    spool: Path
    require_key: PublicKey | None

    @property
    def uri(self) -> str:
        """Of the candidate, by its alias or its number."""
        return version_address(self.model, self.serving.shadow.version)


@dataclass(frozen=True)
class ShadowState:
    """How it stands at the moment.

    Args:
        candidate: that is asked, `avemo-fused version 3`; empty where none is loaded
        champion: that it is compared with; empty where there is no comparison
        activity: what is being done about the candidate; may be empty
        trouble: what is not as it should be; may be empty
        refused: a version that may not be compared
        counts: of the comparison; None where there is none
    """

    candidate: str
    champion: str
    activity: str
    trouble: str
    refused: RefusedVersion | None
    counts: ShadowCounts | None


class Shadow:
    """The comparison of the champion with a candidate; it belongs to the event loop's thread.

    Args:
        config: what is compared
        champions: the version that answers
        has_room: says whether the processor has nothing else to do; any thread may ask
        metrics: count clips
    """

    def __init__(
        self,
        config: ShadowConfig,
        champions: CurrentVersion,
        has_room: Callable[[], bool],
        metrics: Metrics,
    ) -> None:
        self._config = config
        self._settings = config.serving.shadow
        self._champions = champions
        self._has_room = has_room
        self._metrics = metrics
        self._candidates = CurrentVersion(self._free, role="can be compared")
        self._follower = Follower(
            config.uri,
            self._candidates,
            ask=ask_registry,
            load=self._load,
            poll_s=config.serving.poll_s,
        )
        self._backlog = Backlog(config.spool, config.serving.spool_mb * 1e6)
        self._comparison: Comparison | None = None
        self._to_write: list[Comparison] = []
        self._trouble = ""
        self._background: set[asyncio.Task[None]] = set()

    def state(self) -> ShadowState:
        """Return how it stands at the moment."""
        self._follow_pair()
        candidate, comparison = self._candidates.served, self._comparison
        champion, follower = self._champions.served, self._follower
        trouble = follower.trouble or self._trouble
        if candidate and champion and candidate.seal == champion.seal:
            trouble = "it is the version that answers"
        return ShadowState(
            candidate=candidate.description.label if candidate else "",
            champion=comparison.champion.number if comparison else "",
            activity=follower.activity,
            trouble=trouble,
            refused=follower.refused,
            counts=comparison.counts() if comparison else None,
        )

    async def run(self) -> None:
        """Follow the candidate, ask it and write reports until cancelled; then end all of it."""
        try:
            while self._champions.served is None:  # which has the processor first
                await asyncio.sleep(_LOOK_S)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follower.run())
                tasks.create_task(self._again_and_again(self._ask_next))
                tasks.create_task(self._again_and_again(self._write_when_due))
        finally:
            try:
                await self._close()
            except Exception:  # the service ends all the same
                log.exception("avemo: the comparison with %s does not end", self._config.uri)

    def offer(
        self,
        champion: ServedVersion,
        media: Path | bytes,
        size: int,
        answer: Prediction,
        cost: AnswerCost,
        *,
        adapted: bool,
    ) -> None:
        """Take a clip that the champion has answered; whatever happens to it is no concern of it.

        Args:
            champion: that answered
            media: the file, or its content
            size: in bytes
            answer: to the clip
            cost: what the answer took
            adapted: to a speaker, by statistics that the candidate may not know
        """
        try:
            comparison = self._comparison_with(champion)
            if comparison is not None:
                self._take(comparison, media, size, answer, cost, adapted=adapted)
        except Exception:
            log.exception("avemo: a clip is not compared")

    def release(self, clips: Sequence[WaitingClip]) -> None:
        """Take a request's clips, now that its answer has gone."""
        self._backlog.add(clips)

    def _take(
        self,
        comparison: Comparison,
        media: Path | bytes,
        size: int,
        answer: Prediction,
        cost: AnswerCost,
        *,
        adapted: bool,
    ) -> None:
        drawn = is_drawn(media, self._settings.share)
        comparison.requests += 1
        if not drawn:
            comparison.not_drawn += 1
            self._count("not-drawn")
            return
        reason = ""
        if adapted:
            reason = "adapted"
        elif comparison.compared + comparison.failed.total() >= _MAX_CLIPS:
            reason = "enough"
        elif not self._backlog.has_place(size):
            reason = "backlog-full"
        if reason:
            self._drop(comparison, reason)
            return
        request = current_request()
        try:
            file, content = self._backlog.keep(media, size)
        except OSError:
            self._drop(comparison, _NOT_KEPT)
            return
        source = named_source(request.source) if request and request.source else None
        clip = WaitingClip(comparison, file, content, size, source, answer, cost)
        comparison.waiting += 1
        if request:
            request.clips.append(clip)
        else:
            self.release([clip])

    def _comparison_with(self, champion: ServedVersion) -> Comparison | None:
        """Return the comparison that a champion's answers belong to; None where there is none."""
        if champion is not self._champions.served:  # it answers its last requests
            return None
        self._follow_pair()
        return self._comparison

    def _follow_pair(self) -> None:
        """Begin a new comparison where one of both versions is another one."""
        champion, candidate = self._champions.served, self._candidates.served
        pair = None
        if champion and candidate and champion.seal != candidate.seal:
            pair = champion, candidate
        if self._comparison and not (pair and self._comparison.is_of(*pair)):
            self._comparison.end()
            self._to_write.append(self._comparison)
            self._comparison = None
        if pair and self._comparison is None:
            self._comparison = Comparison(*pair, self._settings.share)
            champion_label, candidate_label = (own.description.label for own in pair)
            log.info("avemo: %s is compared with %s", candidate_label, champion_label)

    async def _ask_next(self) -> None:
        """Ask the candidate for one clip, once nobody else wants the processor."""
        clip = await self._backlog.next()
        try:
            while not self._has_room():
                await asyncio.sleep(_LOOK_S)
            self._follow_pair()
            if not clip.comparison.over:
                with self._candidates.use() as candidate:
                    await self._compare(candidate, clip)
        finally:
            self._backlog.delete(clip)

    async def _compare(self, candidate: ServedVersion, clip: WaitingClip) -> None:
        loaded = candidate.loaded
        assert isinstance(loaded, ProcessVersion)
        deadline_s = self._config.serving.timeout_s

        def ask() -> tuple[bytes, ShadowAnswer | CandidateFailure]:
            file = clip.bring()
            source = clip.source or content_source(file)
            try:
                return source, loaded.ask(file, deadline_s, self._has_room)
            except CandidateFailure as failure:
                return source, failure

        comparison = clip.comparison
        try:
            source, outcome = await asyncio.to_thread(ask)
        except OSError:  # the clip cannot be written or read
            if not comparison.over:
                comparison.waiting -= 1
                self._drop(comparison, _NOT_KEPT)
            return
        if comparison.over:
            return
        try:
            if isinstance(outcome, CandidateFailure):
                raise outcome
            own = read_answer(outcome.row, candidate)
            comparison.note_answer(source, clip.answer, clip.cost, own, outcome.cost)
            self._count("compared")
        except CandidateFailure as failure:
            comparison.note_failure(source, clip.answer, clip.cost, failure.reason)
            self._count(f"failed-{failure.reason}")
            log.warning("avemo: %s fails on a clip: %s", candidate.description.label, failure)

    async def _write_when_due(self) -> None:
        """Write the report, if something is new, and wait until the next one is due."""
        loop = asyncio.get_running_loop()
        due = loop.time() + self._settings.report_s
        while loop.time() < due and not self._to_write:
            await asyncio.sleep(min(_TICK_S, self._settings.report_s))
            self._follow_pair()
        niceness = min(self._settings.niceness, _WRITING_NICENESS)
        await self._write_all(niceness, _WRITE_S)

    async def _write_all(self, niceness: int, limit_s: float) -> None:
        """Write the comparisons that are over, and the one under way."""
        comparisons = [*self._to_write, *filter(None, [self._comparison])]
        self._to_write.clear()
        for comparison in comparisons:
            if comparison.requests and comparison.counts() != comparison.written:
                counts, in_registry = comparison.counts(), self._follower.away_since is None
                reason = await _write(comparison, niceness, limit_s, in_registry=in_registry)
                self._note_trouble(reason)
                if not reason:
                    comparison.written = counts

    def _note_trouble(self, reason: str) -> None:
        if reason and reason != self._trouble:
            log.warning("avemo: the shadow report is kept on this machine alone: %s", reason)
        self._trouble = reason

    async def _again_and_again(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        while True:
            try:
                await work()
            except Exception:  # whatever it was, the champion answers on
                log.exception("avemo: the comparison with %s fails", self._config.uri)
                await asyncio.sleep(_TICK_S)

    async def _close(self) -> None:
        """End the candidate and write the last report."""
        if self._candidates.served:
            await asyncio.to_thread(self._candidates.served.loaded.close)
        self._backlog.close()
        if self._comparison:
            self._comparison.end()
        await self._write_all(0, _LAST_WRITE_S)  # no request is under way any more

    def _load(self, version: Version, needs_trial: bool) -> Candidate:
        timeout_s = self._config.serving.load_timeout_s
        return load_version(
            version,
            self._settings.version,
            load=lambda version, folder: ProcessVersion(folder, timeout_s, self._settings.niceness),
            timeout_s=timeout_s + _MARGIN_S,  # the process's own limit comes first
            needs_trial=False,  # it loads in a process of its own
            require_key=self._config.require_key,
        )

    def _free(self, loaded: object) -> None:
        assert isinstance(loaded, ProcessVersion)
        closing = asyncio.create_task(asyncio.to_thread(loaded.close))
        self._background.add(closing)
        closing.add_done_callback(self._background.discard)

    def _drop(self, comparison: Comparison, reason: str) -> None:
        comparison.dropped[reason] += 1
        self._count(f"dropped-{reason}")

    def _count(self, outcome: str) -> None:
        self._metrics.shadow_clips.labels(outcome).inc()


async def _write(
    comparison: Comparison, niceness: int, limit_s: float, *, in_registry: bool
) -> str:
    """Write a report in a process of its own, and return what went wrong; empty where nothing."""
    command = [sys.executable, "-m", "avemo.registry.shadow_store", str(niceness)]
    process = await asyncio.create_subprocess_exec(
        *command,
        *(["--registry"] if in_registry else []),
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    content = comparison.to_record().model_dump_json().encode()
    try:
        _, errors = await asyncio.wait_for(process.communicate(content), limit_s)
    except TimeoutError:
        return f"the registry took longer than {limit_s:g} s"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        return last_line(errors)
    return "" if in_registry else "the registry does not answer"
