"""What it takes to train on the published recordings: how many there are, and how long it takes."""

from dataclasses import dataclass

from ..modalities import MODALITIES, Modality
from ..settings import Settings, Zenodo
from .adapters import ravdess
from .checks import list_published

__all__ = ["StageDuration", "count_recordings", "estimate_durations"]

_CORES = 2

#: seconds of a core (AMD EPYC) for a sound and for a film, by what is done
_CHECK = (0.02, 0.2)
_FEATURES = {"audio features": (0.25, 0.0), "faces, visual features": (0.0, 0.65)}
_REGISTER = (0.02, 0.02)
#: the same for one epoch of one trial on one recording
_EPOCH: dict[Modality, tuple[float, float]] = {
    "audio": (0.008, 0.0),
    "visual": (0.0, 0.003),
    "fused": (0.0, 0.006),
}
#: of a core, whatever the number of recordings: what each group of stages has to load
_START_S = 40.0


@dataclass(frozen=True)
class StageDuration:
    """How long some stages of the pipeline take together.

    Args:
        stages: what they do
        seconds: roughly, on two cores
    """

    stages: str
    seconds: float


def count_recordings(settings: Zenodo) -> tuple[int, int]:
    """Return how many sounds and how many films the settings select."""
    selected = [
        recording
        for recording in list_published()
        if ravdess.CHANNELS[recording.channel] in settings.channels
        and recording.actor in settings.actors
    ]
    sounds = sum(ravdess.MODALITIES[recording.modality] == "audio-only" for recording in selected)
    return (
        sounds if "audio" in settings.modalities else 0,
        len(selected) - sounds if "video" in settings.modalities else 0,
    )


def estimate_durations(settings: Settings) -> list[StageDuration]:
    """Return how long the stages take on the published recordings, without the download.

    What takes films is left out where none are selected.
    """
    core_seconds = {"check and split the recordings": _CHECK, **_FEATURES}
    for modality in MODALITIES:
        budget = settings.search.budget_of(modality)
        epochs = budget.trials * budget.epochs
        per_sound, per_film = _EPOCH[modality]
        core_seconds[f"search and train: {modality}"] = (per_sound * epochs, per_film * epochs)
    core_seconds["evaluate and register"] = _REGISTER
    sounds, films = count_recordings(settings.corpus.zenodo)
    return [
        StageDuration(stages, (work + _START_S) / _CORES)
        for stages, (per_sound, per_film) in core_seconds.items()
        if (work := sounds * per_sound + films * per_film)
    ]
