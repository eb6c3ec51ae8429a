"""Architectures that take audio features."""
