"""Answers for a clip."""
