"""Files to arrays, streamed (PyAV)."""
