"""Extractors of faces, one a file."""
