"""Predictions for many clips, which a run that was stopped goes on with where it was."""
