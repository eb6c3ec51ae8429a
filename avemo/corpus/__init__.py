"""The corpus: recordings, their catalogue, checks and split."""
