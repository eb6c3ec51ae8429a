"""Extractors of sound, one a file."""
