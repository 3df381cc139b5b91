"""What can be imported, and that importing does nothing else."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

NAMES = {
    "sandcrew.agents": """AndTerminationCondition ApprovalFuncType ApprovalPolicy ApprovalRequest
        ApprovalRule ApprovalResponse AssistantAgent BaseChatAgent BaseGroupChat
        ChatAgent CodeExecutorAgent ExternalTermination FunctionCallTermination
        FunctionalTermination HandoffTermination MaxMessageTermination
        OrTerminationCondition Response RoundRobinGroupChat
        SourceMatchTermination StopMessageTermination TaskResult TaskRunner Team
        TerminatedException TerminationCondition TextMentionTermination
        TextMessageTermination TimeoutTermination TokenUsageTermination
        UserProxyAgent DiGraph DiGraphBuilder DiGraphEdge DiGraphNode GraphFlow
        GroupChat MagenticOneGroupChat MessageFilterAgent MessageFilterConfig
        PerSourceFilter SelectorGroupChat SocietyOfMindAgent Swarm FileSurfer
        MagenticOne MagenticOneCoderAgent CostTermination NoProgressTermination
        WallTimeTermination""",
    "sandcrew.agents.base": """AndTerminationCondition ChatAgent Handoff OrTerminationCondition
        Response Task TaskResult TaskRunner Team TerminatedException TerminationCondition
        task_messages""",
    "sandcrew.agents.teams": """BaseGroupChat DiGraph DiGraphBuilder DiGraphEdge DiGraphNode
        GraphFlow GroupChat MagenticOneGroupChat RoundRobinGroupChat SelectorGroupChat Swarm""",
    "sandcrew.agents.ui": "Console RichConsole TerminalApproval UserInputManager converse",
    "sandcrew.agents.runtime": """CacheStore CancellationToken FunctionCall Image InMemoryStore
        cancel_scope cancellable""",
    "sandcrew.agents.models": """CHAT_CACHE_VALUE_TYPE AssistantMessage BudgetChatCompletionClient
        BudgetExceeded ChatCompletionCache ChatCompletionClient ChatCompletionTokenLogprob
        ContextTooLong CreateResult FallbackChatCompletionClient
        FinishReasons FunctionExecutionResult
        FunctionExecutionResultMessage LLMMessage ModelBusy ModelFamily
        ModelInfo OpenAIChatCompletionClient PricedChatCompletionClient
        Prices RateLimitedChatCompletionClient ReplayChatCompletionClient
        RequestUsage RetryChatCompletionClient SystemMessage TopLogprob UserMessage
        WrappedChatCompletionClient create_structured model_info_for
        parse_json sum_usage validate_model_info""",
    "sandcrew.agents.model_context": """BufferedChatCompletionContext ChatCompletionContext
        ChatCompletionContextState HeadAndTailChatCompletionContext
        SummarizingChatCompletionContext TokenLimitedChatCompletionContext
        UnboundedChatCompletionContext""",
    "sandcrew.agents.memory": """ListMemory Memory MemoryContent MemoryMimeType MemoryQueryResult
        UpdateContextResult""",
    "sandcrew.agents.tools": """AgentTool BaseStreamTool BaseTool BaseToolWithState FunctionTool
        ImageResultContent ParametersSchema StaticStreamWorkbench
        StaticWorkbench StreamTool StreamWorkbench TeamTool
        TextResultContent Tool ToolOverride ToolResult ToolSchema
        Workbench CodeExecutionInput CodeExecutionResult
        PythonCodeExecutionTool""",
    "sandcrew.agents.messages": """AgentEvent ApprovalRequestEvent ApprovalResponseEvent
        BaseAgentEvent BaseChatMessage BaseMessage BaseTextChatMessage ChatMessage
        CodeExecutionEvent CodeGenerationEvent CodeOutputEvent HandoffMessage MemoryQueryEvent
        MessageFactory ModelClientStreamingChunkEvent MultiModalMessage RetryDecisionEvent
        SelectSpeakerEvent SelectorEvent StopMessage StructuredContentType StructuredMessage
        StructuredMessageFactory TextMessage ThoughtEvent ToolCallExecutionEvent
        ToolCallRequestEvent ToolCallSummaryMessage UserInputRequestedEvent""",
    "sandcrew.agents.conditions": """CostTermination ExternalTermination FunctionCallTermination
        FunctionalTermination HandoffTermination MaxMessageTermination NoProgressTermination
        SourceMatchTermination StopMessageTermination TextMentionTermination
        TextMessageTermination TimeoutTermination TokenUsageTermination WallTimeTermination""",
    "sandcrew.agents.state": """AssistantAgentState BaseState CodeExecutorAgentState
        GroupChatState SocietyOfMindAgentState""",
    "sandcrew.agents.utils": """content_to_str extract_json_from_str remove_images
        schema_to_pydantic_model""",
}


@pytest.mark.parametrize("module", NAMES)
def test_the_public_names_are_exactly_these(module: str) -> None:
    imported = importlib.import_module(module)
    assert sorted(imported.__all__) == sorted(NAMES[module].split())
    for name in imported.__all__:
        assert getattr(imported, name) is not None


def test_importing_loads_nothing_that_is_not_needed_yet() -> None:
    program = (
        "import sys, sandcrew.agents, sandcrew.agents.ui, sandcrew.agents.models\n"
        "later = ['openai', 'rich', 'markdown_it', 'PIL', 'docker']\n"
        "later += [f'sandcrew.agents.{m}' for m in ('tools.base', 'memory.base', 'models.cache')]\n"
        "print([m for m in later if m in sys.modules])"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert output.stdout == "[]\n"
    assert output.stderr == ""
