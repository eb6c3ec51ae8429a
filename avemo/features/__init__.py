"""One extractor a file, and their store on disk."""
