"""The agent that runs code: finding it, having it approved, running it, reporting."""

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
