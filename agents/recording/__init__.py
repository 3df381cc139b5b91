"""What of a run of agents is worth keeping, and the notebook of it."""

from .notebook import notebook_of
from .steps import Ran, Said, Step, StepReader, steps_of

__all__ = ["Ran", "Said", "Step", "StepReader", "notebook_of", "steps_of"]
