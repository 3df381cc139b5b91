"""The agent that runs code: finding it, having it approved, running it, reporting."""

from typing import TYPE_CHECKING

from ...sandbox.later import later as _later

if TYPE_CHECKING:
    from .agent import CodeExecutorAgent
    from .approval import ApprovalFuncType, ApprovalRequest, ApprovalResponse
    from .policy import ApprovalPolicy, ApprovalRule

__all__ = [
    "ApprovalFuncType",
    "ApprovalPolicy",
    "ApprovalRequest",
    "ApprovalResponse",
    "ApprovalRule",
    "CodeExecutorAgent",
]

__getattr__ = _later(
    __name__,
    {
        "agent": ["CodeExecutorAgent"],
        "approval": ["ApprovalFuncType", "ApprovalRequest", "ApprovalResponse"],
        "policy": ["ApprovalPolicy", "ApprovalRule"],
    },
)
