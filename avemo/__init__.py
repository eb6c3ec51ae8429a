"""Audio-visual emotion recognition, from raw recordings to registered models.

The names below are what a notebook uses; each is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .config import load_settings
    from .inference.prediction import Prediction
    from .media.clip import Clip
    from .registry.predictor import load_model, predict

__all__ = ["Clip", "Prediction", "load_model", "load_settings", "predict"]

__version__ = "0.1.0"

#: where each public name is defined
_MODULES = {
    "Clip": "media.clip",
    "Prediction": "inference.prediction",
    "load_model": "registry.predictor",
    "load_settings": "config",
    "predict": "registry.predictor",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)


def __dir__() -> list[str]:
    return list(__all__)
