"""Predictions for a clip: what travels inside a registered version."""
