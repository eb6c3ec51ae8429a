"""What a run of a system carries besides what every run does."""

from typing import Any

from ..features.names import modality_of
from ..settings import Settings
from .job import Job
from .published import SYSTEMS
from .variants import arrays_of, variants_of

__all__ = ["modality", "params", "tags"]


def tags(job: Job) -> dict[str, str]:
    """The way that the performances are dealt is the job's own, not the project's split."""
    data = next(iter(job.rounds.values()))
    found = {
        "avemo.modality": modality(job.system),
        "avemo.system": job.system,
        "avemo.channel": job.channel,
        "avemo.protocol": job.protocol,
        "avemo.split": job.split_id,
    }
    if len(variants_of(job.system)) > 1:
        found["avemo.chosen_by"] = "the UAR on each fold's validation part"
    return found | {f"avemo.features.{name}": spec.to_json() for name, spec in data.specs.items()}


def params(settings: Settings, job: Job) -> dict[str, Any]:
    """How it is trained, on how much, and the accuracy that was published of it."""
    rows = next(iter(job.rounds.values())).rows
    published = SYSTEMS[job.system].accuracy
    found: dict[str, Any] = {
        "system": job.system,
        "channel": job.channel,
        "protocol": job.protocol,
        "performances": len(rows),
        "actors": rows["actor"].nunique(),
        "folds": len(job.rounds),
        "variants": len(variants_of(job.system)),
    }
    if any(variant.networks for variant in variants_of(job.system)):
        found |= settings.baselines.model_dump(include={"epochs", "patience", "batch_size"})
    if job.channel in published:
        found["published_accuracy"] = " to ".join(map(str, published[job.channel]))
    return found


def modality(system: str) -> str:
    """What it looks at or listens to: audio, visual or fused."""
    found = {modality_of(array) for array in arrays_of(system)}
    return found.pop() if len(found) == 1 else "fused"
