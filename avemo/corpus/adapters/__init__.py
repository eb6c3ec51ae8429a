"""One corpus a file: what its file names and labels mean."""
