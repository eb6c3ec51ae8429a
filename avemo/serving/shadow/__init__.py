"""A version that is compared with the one that answers, on a share of the real requests."""
