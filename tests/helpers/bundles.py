"""What a bundle says of its model, where a test does not care for most of it."""

from avemo.emotions import EMOTIONS
from avemo.records import BundleConfig, TrainedOn

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
