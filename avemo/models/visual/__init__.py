"""Architectures that see."""
