"""A run as a notebook: what was said as Markdown, what ran as cells with its real outputs."""

from collections.abc import Iterable
from itertools import pairwise

from ...executors.notebook_record import NotebookRecord
from .prose import without_code
from .steps import Ran, Step


def notebook_of(title: str, steps: Iterable[Step]) -> NotebookRecord:
    """The steps as a notebook.

    Raises
    ------
    MissingExtra
        The ``nbformat`` package is not installed.
    """
    notebook = NotebookRecord(title)
    for step, following in pairwise([*steps, None]):
        if isinstance(step, Ran):
            notebook.add_run(step.blocks, step.result, step.pictures)
        elif step is not None:
            ran = following.blocks if isinstance(following, Ran) else []
            notebook.add_text(f"**{step.speaker}**\n\n{without_code(step.text, ran)}")
    return notebook
