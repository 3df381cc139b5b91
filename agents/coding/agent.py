"""The agent that runs code, its own or that of others."""

import warnings
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, nullcontext
from typing import Any, ClassVar

from ...executors.base import CodeExecutor
from ...sandbox.errors import UsageError
from ..base.chat_agent import Response
from ..chat_agent import BaseChatAgent, final_response
from ..dialogue import Dialogue
from ..messages import BaseAgentEvent, BaseChatMessage, TextMessage
from ..model_context import ChatCompletionContext, UnboundedChatCompletionContext
from ..models import ChatCompletionClient
from ..runtime import CancellationToken
from ..state import CodeExecutorAgentState
from .approval import ApprovalFuncType
from .execution import Execution
from .gate import Gate
from .listening import Listener
from .policy import ApprovalPolicy
from .writing import Writer


class CodeExecutorAgent(BaseChatAgent):
    """Runs code: without a model what others wrote, with one what its model writes.

    With a model it looks at the result, mends its code (``max_retries_on_error`` times at most),
    and says what came out. The caller owns the executor and stops it.

    Parameters
    ----------
    name:
        A Python identifier, unique in a team.
    code_executor:
        Where the code runs.
    model_client:
        The model that writes code.
    model_context:
        What the model is shown of the conversation; by default everything.
    model_client_stream:
        Tell the model's answers in pieces too.
    max_retries_on_error:
        How often the model may try again after a failure.
    description:
        What the agent is good for.
    system_message:
        The instructions of the model; ``None`` for none.
    sources:
        Without a model: run only the code of these agents.
    supported_languages:
        Run only blocks in these languages; by default in all the executor knows.
    approval_func:
        Asked before code runs, sync (in a thread) or async. It may approve, approve something
        else (``code_blocks``) or refuse, and have that remembered (``remember``). A refusal is a
        failed run whose output says why.
    approval_policy:
        Rules, so that not everything has to be asked; each block is then decided by itself. What
        was remembered is in :attr:`approval_policy`: keep that as JSON and give it here. Of a
        loaded state only what it refuses counts, since a state may come from anybody.

    Raises
    ------
    UsageError
        Options that contradict each other, or an impossible name.
    """

    DEFAULT_TERMINAL_DESCRIPTION: ClassVar[str] = (
        "A computer terminal that performs no other action than running Python scripts (provided "
        "to it quoted in ```python code blocks), or sh shell scripts (provided to it quoted in "
        "```sh code blocks)."
    )
    DEFAULT_AGENT_DESCRIPTION: ClassVar[str] = (
        "A Code Execution Agent that writes Python and shell scripts for what it is asked, runs "
        "them, mends them when they fail, and reports what came out."
    )
    DEFAULT_SYSTEM_MESSAGE: ClassVar[str] = (
        "You are a Code Execution Agent. You solve tasks by writing Python code in ```python code "
        "blocks, or shell scripts in ```sh code blocks, which are run as they are; then you are "
        "shown the output. Print what you want to see. Give whole programs, not fragments."
    )
    NO_CODE_BLOCKS_FOUND_MESSAGE: ClassVar[str] = (
        "No code blocks found in the thread. Please provide at least one markdown-encoded code "
        "block to execute (i.e., quoting code in ```python or ```sh code blocks)."
    )

    def __init__(  # noqa: PLR0913 (AutoGen's signature)
        self,
        name: str,
        code_executor: CodeExecutor,
        *,
        model_client: ChatCompletionClient | None = None,
        model_context: ChatCompletionContext | None = None,
        model_client_stream: bool = False,
        max_retries_on_error: int = 0,
        description: str | None = None,
        system_message: str | None = DEFAULT_SYSTEM_MESSAGE,
        sources: Sequence[str] | None = None,
        supported_languages: Sequence[str] | None = None,
        approval_func: ApprovalFuncType | None = None,
        approval_policy: ApprovalPolicy | None = None,
    ) -> None:
        if description is None:
            description = (
                self.DEFAULT_TERMINAL_DESCRIPTION
                if model_client is None
                else self.DEFAULT_AGENT_DESCRIPTION
            )
        super().__init__(name, description)
        if max_retries_on_error < 0:
            raise UsageError("max_retries_on_error cannot be negative.")
        self._gate = Gate(approval_func, approval_policy)
        if self._gate.open and not getattr(code_executor, "confined", True):
            warnings.warn(
                f"{type(code_executor).__name__} runs what models write on this machine, "
                "unconfined. Give CodeExecutorAgent an approval_func, or a confined executor.",
                UserWarning,
                stacklevel=2,
            )
        execution = Execution(name, code_executor, supported_languages, self._gate)
        self._dialogue = (
            None
            if model_client is None
            else Dialogue(
                name,
                model_client,
                model_context or UnboundedChatCompletionContext(),
                system_message=system_message,
                stream=model_client_stream,
            )
        )
        self._worker = (
            Listener(execution, sources, self.NO_CODE_BLOCKS_FOUND_MESSAGE)
            if self._dialogue is None
            else Writer(self._dialogue, execution, max_retries_on_error)
        )

    @property
    def model_context(self) -> ChatCompletionContext | None:
        return None if self._dialogue is None else self._dialogue.context

    @property
    def approval_policy(self) -> ApprovalPolicy | None:
        """The rules, with those that were remembered."""
        return self._gate.policy

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        return (TextMessage,)

    async def on_messages(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> Response:
        return await final_response(self.on_messages_stream(messages, cancellation_token))

    async def on_messages_stream(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None]:
        inner: list[BaseAgentEvent | BaseChatMessage] = []
        response: Response | None = None
        async with (
            nullcontext() if self._dialogue is None else self._dialogue.turn(),
            aclosing(self._worker.turn(messages, cancellation_token)) as work,
        ):
            async for item in work:
                if isinstance(item, TextMessage):
                    response = Response(chat_message=item, inner_messages=inner)
                else:
                    if not item.transient:
                        inner.append(item)
                    yield item
        assert response is not None, "both ways of work end with a message"
        yield response

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        if self._dialogue is not None:
            await self._dialogue.clear()

    async def save_state(self) -> Mapping[str, Any]:
        context: Mapping[str, Any] = {} if self._dialogue is None else await self._dialogue.save()
        policy = self._gate.policy
        return CodeExecutorAgentState(
            llm_context=context,
            approval_policy=None if policy is None else policy.model_dump(mode="json"),
        ).model_dump()

    async def load_state(self, state: Mapping[str, Any]) -> None:
        saved = CodeExecutorAgentState.read(state)
        self._gate.load(saved.approval_policy)
        if self._dialogue is not None:
            await self._dialogue.load(saved.llm_context)
