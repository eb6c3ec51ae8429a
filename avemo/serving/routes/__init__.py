"""What the service answers, one kind of address a file."""
