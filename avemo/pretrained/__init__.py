"""Pretrained files, and the networks that they belong to."""
