"""Fuzzers of what takes in what guests made: ``python -m sandcrew.benchmarks.fuzz``.

Each module of this package that has ``TARGETS``, a tuple of :class:`FuzzTarget`, is run. hypothesis
makes the inputs (``pip install sandcrew[dev]``).
"""

from .corpus import FOLDER
from .runner import Outcome, run, targets
from .target import FuzzTarget

__all__ = ["FOLDER", "FuzzTarget", "Outcome", "run", "targets"]
