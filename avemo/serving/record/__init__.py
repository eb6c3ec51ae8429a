"""What the service answered, if it is told to record it: rows, and never the media."""
