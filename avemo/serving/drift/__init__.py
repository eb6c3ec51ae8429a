"""Whether what comes in still is what a version was validated on."""
