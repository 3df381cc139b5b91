"""The interfaces: what runs a task, what takes part in a conversation, what ends it."""

from typing import TYPE_CHECKING

from ...sandbox.later import later as _later

if TYPE_CHECKING:
    from .chat_agent import ChatAgent, Response
    from .handoff import Handoff
    from .task import Task, TaskResult, TaskRunner, task_messages
    from .team import Team
    from .termination import (
        AndTerminationCondition,
        OrTerminationCondition,
        TerminatedException,
        TerminationCondition,
    )

__all__ = [
    "AndTerminationCondition",
    "ChatAgent",
    "Handoff",
    "OrTerminationCondition",
    "Response",
    "Task",
    "TaskResult",
    "TaskRunner",
    "Team",
    "TerminatedException",
    "TerminationCondition",
    "task_messages",
]

__getattr__ = _later(
    __name__,
    {
        "chat_agent": ["ChatAgent", "Response"],
        "handoff": ["Handoff"],
        "task": ["Task", "TaskResult", "TaskRunner", "task_messages"],
        "team": ["Team"],
        "termination": [
            "AndTerminationCondition",
            "OrTerminationCondition",
            "TerminatedException",
            "TerminationCondition",
        ],
    },
)
