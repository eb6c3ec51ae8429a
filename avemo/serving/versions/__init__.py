"""The version that answers: found by its alias, tried, loaded, switched to, and let go."""
