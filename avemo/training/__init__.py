"""Search and fit."""
