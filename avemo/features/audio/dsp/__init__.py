"""Signal processing that extractors of sound share."""
