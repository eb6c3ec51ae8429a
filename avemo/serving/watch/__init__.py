"""A folder in which media files land: a row for each, once."""
