"""The HTTP service: it answers with the version that an alias in the registry names."""
