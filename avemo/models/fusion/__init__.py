"""Architectures that hear and see."""
