"""Architectures that take visual features."""
