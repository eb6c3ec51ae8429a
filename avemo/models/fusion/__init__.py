"""Architectures that fuse audio and visual features."""
