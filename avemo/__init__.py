"""Audio-visual emotion recognition, from raw recordings to registered models."""

__version__ = "0.1.0"
