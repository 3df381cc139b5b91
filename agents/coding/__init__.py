"""The agent that runs code: finding it, having it approved, running it, reporting."""

from .agent import CodeExecutorAgent
from .approval import ApprovalFuncType, ApprovalRequest, ApprovalResponse

__all__ = ["ApprovalFuncType", "ApprovalRequest", "ApprovalResponse", "CodeExecutorAgent"]
