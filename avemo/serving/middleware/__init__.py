"""What surrounds every request, one concern a file, as plain ASGI."""
