"""The results, to be read: kept predictions in, docs/results.md and docs/results.html out."""
