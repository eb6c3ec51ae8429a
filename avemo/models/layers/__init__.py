"""Layers and metrics that architectures share."""
