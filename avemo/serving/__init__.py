"""Doors to registered versions: exports of timelines, batches, the watcher and the service."""
