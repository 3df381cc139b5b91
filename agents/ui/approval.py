"""Asking the person at the terminal whether code may run."""

import os
import shlex
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from ...executors.block import CodeBlock
from ..coding.approval import ApprovalRequest, ApprovalResponse, fenced
from ..coding.policy import ApprovalRule
from ..user_input import ask_at_terminal
from .edit import edit_in, edit_lines
from .sanitize import sanitize, sanitize_line

Ask = Callable[[str], Awaitable[str]]

_REASON = "approved at the terminal"
_NOBODY = "nobody is at the terminal to approve it"


class TerminalApproval:
    """An ``approval_func`` that asks at the terminal; Enter alone approves nothing, no more than
    a terminal that is not there.

    The answers: approve; edit the code first, in ``$VISUAL`` or ``$EDITOR`` or else line by line;
    refuse, with a reason for the model; and, about a single block, always approve this code, always
    approve its language, or never approve this code. What is remembered is an
    :class:`ApprovalRule`, which the agent keeps in its ``approval_policy``.

    Parameters
    ----------
    ask:
        Shows a question and gives the line that is typed; raises :class:`EOFError` where nobody is.
    editor:
        The command that edits a file; an empty one for editing line by line.
    """

    def __init__(self, ask: Ask = ask_at_terminal, editor: Sequence[str] | None = None) -> None:
        self._ask = ask
        named = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ""
        self._editor = shlex.split(named) if editor is None else list(editor)

    async def __call__(self, request: ApprovalRequest) -> ApprovalResponse:
        """Ask, until there is an answer."""
        try:
            return await self._decided(request.code_blocks)
        except EOFError:
            return ApprovalResponse(approved=False, reason=_NOBODY)

    async def _decided(self, asked: Sequence[CodeBlock]) -> ApprovalResponse:
        blocks = list(asked)
        while True:
            match (await self._ask(_question(blocks))).strip().lower():
                case "a" | "approve" | "y" | "yes":
                    return _approved(asked, blocks)
                case "w" | "always" if len(blocks) == 1:
                    return _approved(asked, blocks, ApprovalRule.exactly(blocks[0]))
                case "l" | "language" if len(blocks) == 1:
                    rule = ApprovalRule(decision="approve", language=blocks[0].language)
                    return _approved(asked, blocks, rule)
                case "n" | "never" if len(blocks) == 1:
                    return await self._refused(blocks[0])
                case "r" | "refuse" | "no":
                    return await self._refused()
                case "e" | "edit":
                    blocks = [await self._edited(block) for block in blocks]
                    print(sanitize(fenced(blocks)))
                case _:
                    pass  # Asked again: a slip of the finger is no answer.

    async def _refused(self, never: CodeBlock | None = None) -> ApprovalResponse:
        reason = (await self._ask("Why? The model is told: ")).strip()
        reason = reason or "refused at the terminal"
        decision: Literal["refuse"] = "refuse"
        rule = None if never is None else ApprovalRule.exactly(never, decision, reason)
        return ApprovalResponse(approved=False, reason=reason, remember=rule)

    async def _edited(self, block: CodeBlock) -> CodeBlock:
        if self._editor:
            code = await edit_in(self._editor, block.code, block.language)
        else:
            code = await edit_lines(self._ask)
        return block if code is None else CodeBlock(code, block.language)


def _question(blocks: Sequence[CodeBlock]) -> str:
    remembering = ""
    if len(blocks) == 1:
        language = sanitize_line(blocks[0].language)
        remembering = f", al[w]ays this code, always all {language} ([l]), [n]ever this code"
    return f"[a]pprove, [e]dit, [r]efuse{remembering}: "


def _approved(
    asked: Sequence[CodeBlock], blocks: list[CodeBlock], remember: ApprovalRule | None = None
) -> ApprovalResponse:
    return ApprovalResponse(
        approved=True,
        reason=_REASON if blocks == list(asked) else "approved with changes at the terminal",
        code_blocks=None if blocks == list(asked) else blocks,
        remember=remember,
    )
