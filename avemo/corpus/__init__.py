"""Which recordings there are and what they mean."""
