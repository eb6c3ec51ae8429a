"""One short module a DVC stage: read settings, call avemo, write outputs."""
