"""Metrics, intervals, plots and tables."""
