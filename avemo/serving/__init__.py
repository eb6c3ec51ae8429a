"""Doors to registered versions: the HTTP service, batches, a watched folder, exports."""
