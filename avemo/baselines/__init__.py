"""The original study's audio systems, as named, tracked, repeatable runs."""
