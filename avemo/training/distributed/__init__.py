"""A search by several processes, on this machine or on a cluster."""
