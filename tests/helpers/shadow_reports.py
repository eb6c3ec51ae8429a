"""Comparisons of two versions as a service notes them, with the answers that a test names."""

from collections.abc import Sequence

from avemo.registry.shadow_report import (
    ComparedClip,
    ComparedVersion,
    ShadowClips,
    ShadowCounts,
)

__all__ = ["noted_clips", "shadow_clip"]


def shadow_clip(
    champion: str,
    candidate: str,
    *,
    source: int = 0,
    distance: float | None = 0.0,
    failure: str = "",
) -> ComparedClip:
    """Return a clip; an answer that begins with `!` is a finding."""
    emotions = [name if not name.startswith("!") else "" for name in (champion, candidate)]
    findings = [name[1:] if name.startswith("!") else "" for name in (champion, candidate)]
    return ComparedClip(
        source,
        emotions[0],
        findings[0],
        emotions[1],
        findings[1],
        failure,
        distance,
        0.2,
        0.1,
        None if failure else 0.3,
        None if failure else 0.15,
    )


def noted_clips(
    clips: Sequence[ComparedClip],
    *,
    champion: str = "a" * 64,
    candidate: str = "b" * 64,
    number: str = "2",
    started_at: str = "2026-01-01T00:00:00+00:00",
) -> ShadowClips:
    """Return what a service has noted of versions with these seals."""
    failed = sum(bool(clip.failure) for clip in clips)
    return ShadowClips(
        champion=ComparedVersion(name="avemo-audio", number="1", seal=champion),
        candidate=ComparedVersion(name="avemo-audio", number=number, seal=candidate),
        started_at=started_at,
        share=0.2,
        counts=ShadowCounts(
            requests=len(clips) + 10,
            not_drawn=7,
            waiting=1,
            compared=len(clips) - failed,
            dropped={"backlog-full": 2},
            failed={"crash": failed} if failed else {},
        ),
        clips=list(clips),
    )
