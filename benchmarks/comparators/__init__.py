"""What the benchmarks compare with: scripts, each of which runs in an environment of its own."""
