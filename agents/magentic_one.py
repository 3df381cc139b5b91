"""The crew of Magentic-One: an orchestrator's coder, terminal and file surfer."""

from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ..executors.base import CodeExecutor
from ..executors.factory import create_default_code_executor
from .assistant import AssistantAgent
from .coding import ApprovalFuncType, CodeExecutorAgent
from .models import ChatCompletionClient
from .surfing import Files, FileSurfer
from .teams.magentic import MagenticOneGroupChat
from .user_proxy import InputFuncType, UserProxyAgent

if TYPE_CHECKING:
    from .base.chat_agent import ChatAgent

_CODER_DESCRIPTION = (
    "A helpful assistant that writes and mends Python and shell programs, and knows how to put "
    "language, figures and data to use. It cannot run programs itself."
)
_CODER_INSTRUCTIONS = """You solve tasks by writing programs, and by reasoning.

- Write Python in ```python blocks and shell scripts in ```sh blocks. Others run each block \
as it is and cannot change it: give whole programs, never fragments or placeholders.
- Print everything you want to see of the result. Only what is printed comes back to you.
- A first line `# filename: <name>` saves the program under that name.
- If a program fails, read the output, find the cause, and give the whole mended program.
- If the task needs no program, or the result is there, check it and say it in words."""


class MagenticOneCoderAgent(AssistantAgent):
    """Writes programs for others to run. Name and signature are AutoGen's.

    Parameters
    ----------
    name:
        A Python identifier, unique in a team.
    model_client:
        The model.
    kwargs:
        Other options of :class:`AssistantAgent`.
    """

    def __init__(self, name: str, model_client: ChatCompletionClient, **kwargs: Any) -> None:
        kwargs.setdefault("description", _CODER_DESCRIPTION)
        kwargs.setdefault("system_message", _CODER_INSTRUCTIONS)
        super().__init__(name, model_client, **kwargs)


class MagenticOne(MagenticOneGroupChat):
    """A ready team: file surfer, coder and terminal under an orchestrator.

    ``async with`` stops the executor in the end, if it is the team's own.

    Parameters
    ----------
    client:
        The model of all; it should be able to call functions, else there is no file surfer.
    hil_mode:
        Have a person in the team.
    input_func:
        How the person is asked.
    code_executor:
        Where code runs; by default a sandbox. The file surfer reads its workspace.
    approval_func:
        Asked before code runs.
    max_turns:
        How many turns the crew may take.
    """

    def __init__(
        self,
        client: ChatCompletionClient,
        hil_mode: bool = False,
        input_func: InputFuncType | None = None,
        code_executor: CodeExecutor | None = None,
        approval_func: ApprovalFuncType | None = None,
        *,
        max_turns: int | None = 20,
    ) -> None:
        self._own = create_default_code_executor() if code_executor is None else None
        executor = code_executor or self._own
        assert executor is not None, "one of the two"
        crew: list[ChatAgent] = [
            MagenticOneCoderAgent("Coder", client),
            CodeExecutorAgent("ComputerTerminal", executor, approval_func=approval_func),
        ]
        files = executor if isinstance(executor, Files) else None
        folder = getattr(executor, "work_dir", None)
        if client.model_info["function_calling"] and (files is not None or folder is not None):
            crew.insert(0, FileSurfer("FileSurfer", client, base_path=folder or ".", files=files))
        if hil_mode:
            crew.append(UserProxyAgent("User", input_func=input_func))
        super().__init__(crew, client, max_turns=max_turns)

    async def close(self) -> None:
        """Stop the team's own executor; idempotent."""
        if self._own is not None:
            await self._own.stop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
