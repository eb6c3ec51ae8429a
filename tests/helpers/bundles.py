"""What a bundle says of its model, where a test does not care for most of it."""

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.records import Abstention, BundleConfig, ConformalSets, TrainedOn

LIMITS = {"min_duration_s": 0.3, "silence_dbfs": -60.0}


def bundle_config(**fields: object) -> BundleConfig:
    """Return the configuration of a model of no features; fields replace the defaults."""
    defaults = {
        "modality": "audio",
        "architecture": "cnn",
        "members": [{"architecture": "cnn"}],
        "classes": list(EMOTIONS),
        "features": {},
        "limits": LIMITS,
        "split_id": "s1",
        "seed": 20,
        "temperature": 1.0,
        "synthetic": False,
        "trained_on": TrainedOn(performances=64, actors=4),
    }
    return BundleConfig.model_validate(defaults | fields)


def new_abstention(threshold: float, **fields: object) -> Abstention:
    """Return a threshold that reaches its target; fields replace the defaults."""
    defaults = {
        "threshold": threshold,
        "coverage": 0.818,
        "accuracy": 0.85,
        "accuracy_low": 0.8099,
        "performances": 100,
        "actors": 24,
        "confidence": 0.95,
        "target": 0.8,
        "reached": True,
    }
    return Abstention.model_validate(defaults | fields)


def new_sets(threshold: float) -> ConformalSets:
    """Return conformal sets of two emotions on average."""
    return ConformalSets(threshold=threshold, coverage=0.9, mean_size=2.0)
