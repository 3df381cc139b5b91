"""Asking the person at the terminal whether code may run."""

import os
import shlex
import shutil
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from ...executors.block import CodeBlock
from ...sandbox.intake.code_text import hidden_characters
from ...sandbox.intake.names import shown_name
from ..coding.approval import ApprovalRequest, ApprovalResponse
from ..coding.policy import ApprovalRule
from ..terminal_turn import terminal_turn
from ..user_input import ask_at_terminal, forget_typed_ahead
from .edit import edit_in, edit_lines
from .listing import encodable, listing

Ask = Callable[[str], Awaitable[str]]

_REASON = "approved at the terminal"
_NOBODY = "nobody is at the terminal to approve it"
_TYPED = "run hidden"
_MAX_NAMED = 20  # hidden characters
_MAX_LANGUAGE = 20  # characters
_SHORTEST_PAGE = 8  # rows


class TerminalApproval:
    """An ``approval_func`` that asks at the terminal; Enter alone approves nothing, no more than
    a terminal that is not there, or what was typed before the question was on the screen.

    It shows the very code that would run, all of it, with line numbers, page by page if it is
    long; characters that do not show what they are, as their numbers. Code that has any is approved
    only by typing ``run hidden``. Of agents that work side by side one asks after the other.

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
            async with terminal_turn():
                return await self._decided(request.code_blocks)
        except EOFError:
            return ApprovalResponse(approved=False, reason=_NOBODY)

    async def _decided(self, asked: Sequence[CodeBlock]) -> ApprovalResponse:
        blocks = list(asked)
        seen = await self._show(blocks)
        while seen:
            hidden = _hidden(blocks)
            one = len(blocks) == 1
            match (await self._question(_question(blocks, hidden))).strip().lower():
                case "a" | "approve" | "y" | "yes" if not hidden:
                    return _approved(asked, blocks)
                case answer if answer == _TYPED and hidden:
                    return _approved(asked, blocks)
                case "w" | "always" if one and not hidden:
                    return _approved(asked, blocks, ApprovalRule.exactly(blocks[0]))
                case "l" | "language" if one and not hidden:
                    rule = ApprovalRule(decision="approve", language=blocks[0].language)
                    return _approved(asked, blocks, rule)
                case "n" | "never" if one:
                    return await self._refused(blocks[0])
                case "r" | "refuse" | "no":
                    break
                case "e" | "edit":
                    blocks = [await self._edited(block) for block in blocks]
                    seen = await self._show(blocks)
                case _:
                    pass  # Asked again: a slip of the finger is no answer.
        return await self._refused()

    async def _show(self, blocks: Sequence[CodeBlock]) -> bool:
        """Show the code; false if the person refused before all of it was on the screen."""
        width, height = shutil.get_terminal_size()
        rows = listing(blocks, width - 1, _encoding())
        page = max(_SHORTEST_PAGE, height - 4) if sys.stdout.isatty() else len(rows)
        for start in range(0, len(rows), page):
            if start:
                left = f"{len(rows) - start:,} more row{'s' if len(rows) - start != 1 else ''}"
                answer = await self._question(f"Enter shows the next of {left}, [r] refuses: ")
                if answer.strip():
                    return False
            for row in rows[start : start + page]:
                print(row)
        return True

    async def _question(self, text: str) -> str:
        if self._ask is ask_at_terminal:
            # Code and models may imitate the question before it is asked.
            forget_typed_ahead()
        return await self._ask(encodable(text, _encoding()))

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


def _encoding() -> str:
    return sys.stdout.encoding or "utf-8"


def _hidden(blocks: Sequence[CodeBlock]) -> tuple[str, ...]:
    """The names of the characters that do not show what they are."""
    return tuple(dict.fromkeys(name for block in blocks for name in hidden_characters(block.code)))


def _question(blocks: Sequence[CodeBlock], hidden: Sequence[str]) -> str:
    one = len(blocks) == 1
    if hidden:
        names = ", ".join(hidden[:_MAX_NAMED])
        more = f" and {len(hidden) - _MAX_NAMED:,} more" if len(hidden) > _MAX_NAMED else ""
        never = ", [n]ever this code" if one else ""
        return (
            f"In this code are characters that do not show what they are: {names}{more}.\n"
            f"Type {_TYPED!r} to approve it all the same, or [e]dit, [r]efuse{never}: "
        )
    remembering = ""
    if one:
        language = shown_name(blocks[0].language[:_MAX_LANGUAGE])
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
