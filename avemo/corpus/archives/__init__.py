"""The published archives: fetched, checked and unpacked."""
