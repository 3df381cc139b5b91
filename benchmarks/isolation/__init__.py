"""The attack suite: what code can reach in an executor, shown by attacks that work without one."""

from .attack import GROUPS, LIMITS, Attack, Evidence, Limits
from .attacks import all_attacks, choose
from .live_subjects import LiveSubject
from .page import as_html
from .subjects import CommandSubject, ExecutorSubject, Observed, Subject
from .suite import run_suite, subject_of
from .table import Cell, Table
from .text import as_text

__all__ = [
    "GROUPS",
    "LIMITS",
    "Attack",
    "Cell",
    "CommandSubject",
    "Evidence",
    "ExecutorSubject",
    "Limits",
    "LiveSubject",
    "Observed",
    "Subject",
    "Table",
    "all_attacks",
    "as_html",
    "as_text",
    "choose",
    "run_suite",
    "subject_of",
]
