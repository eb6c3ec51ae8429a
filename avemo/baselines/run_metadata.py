"""Tags and params of a system's run, besides those that every run has."""

from ..features.names import modality_of
from ..modalities import Modality
from ..settings import Settings
from .job import Job
from .published import SYSTEMS
from .variants import arrays_of, variants_of

__all__ = ["run_params", "run_tags", "system_modality"]


def run_tags(job: Job) -> dict[str, str]:
    """Return the tags; the split is the run's own, not the project's."""
    data = next(iter(job.rounds.values()))
    tags = {
        "avemo.modality": system_modality(job.system),
        "avemo.system": job.system,
        "avemo.channel": job.channel,
        "avemo.protocol": job.protocol,
        "avemo.split": job.split_id,
    }
    if len(variants_of(job.system)) > 1:
        tags["avemo.variant_selection"] = "the UAR on each fold's validation part"
    return tags | {f"avemo.features.{name}": spec.to_json() for name, spec in data.specs.items()}


def run_params(settings: Settings, job: Job) -> dict[str, str | int]:
    """Return how it is trained, on how much, and the accuracy that was published of it."""
    rows = next(iter(job.rounds.values())).rows
    published = SYSTEMS[job.system].accuracy
    variants = variants_of(job.system)
    params: dict[str, str | int] = {
        "system": job.system,
        "channel": job.channel,
        "protocol": job.protocol,
        "performances": len(rows),
        "actors": rows["actor"].nunique(),
        "folds": len(job.rounds),
        "variants": len(variants),
    }
    if any(variant.networks for variant in variants):
        params |= settings.baselines.model_dump(include={"epochs", "patience", "batch_size"})
    if job.channel in published:
        params["published_accuracy"] = " to ".join(map(str, published[job.channel]))
    return params


def system_modality(system: str) -> Modality:
    """Return the modality of a system's features; fused where it takes both."""
    modalities = {modality_of(array) for array in arrays_of(system)}
    return modalities.pop() if len(modalities) == 1 else "fused"
