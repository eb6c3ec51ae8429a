"""Faces of a clip: detected, tracked, aligned and stored."""
