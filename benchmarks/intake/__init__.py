"""What the host's memory does when guests send much: ``python -m sandcrew.benchmarks.intake``."""
