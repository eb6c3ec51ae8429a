"""The sample corpus: drawn and spoken on the spot, so that the pipeline runs anywhere."""
