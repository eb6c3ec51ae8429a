"""The original study's systems, as named, tracked, repeatable runs."""
