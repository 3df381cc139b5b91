"""What a team did, as a notebook."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from sandcrew.agents import (
    ApprovalRequest,
    ApprovalResponse,
    AssistantAgent,
    CodeExecutorAgent,
    MaxMessageTermination,
    RoundRobinGroupChat,
    TaskResult,
)
from sandcrew.agents.models import ReplayChatCompletionClient
from sandcrew.executors import CodeBlock, SandboxCodeExecutor

nbformat: Any = import_module("nbformat")  # it is not typed

PNG = "b'\\x89PNG\\r\\n\\x1a\\n' + bytes(8)"
DRAWS = (
    f"I draw.\n\n```python\nopen('a.png', 'wb').write({PNG})\nprint('drawn')\n```\n\nLook at it."
)


async def run_team(*replies: str, **options: Any) -> tuple[TaskResult, dict[str, bytes]]:
    async with SandboxCodeExecutor() as executor:
        coder = AssistantAgent("coder", ReplayChatCompletionClient(replies))
        runner = CodeExecutorAgent("runner", executor, **options)
        end = MaxMessageTermination(1 + 2 * len(replies))
        team = RoundRobinGroupChat([coder, runner], termination_condition=end)
        result = await team.run(task="Draw a picture.")
        files = {
            file.path: await executor.read_file(file.path) for file in await executor.list_files()
        }
    return result, files


def read(path: Path) -> list[Any]:
    made = nbformat.read(path, 4)
    nbformat.validate(made)
    return list(made.cells)


async def test_the_words_are_markdown_and_the_code_has_its_outputs(tmp_path: Path) -> None:
    result, files = await run_team(DRAWS, "```python\n1 / 0\n```")
    result.notebook("Pictures", files).save(tmp_path / "team.ipynb")
    heading, task, words, drawn, *_, failed = read(tmp_path / "team.ipynb")
    assert (heading.source, task.source) == ("# Pictures", "**user**\n\nDraw a picture.")
    assert words.source == "**coder**\n\nI draw.\n\n\nLook at it."
    assert [output.output_type for output in drawn.outputs] == ["stream", "display_data"]
    assert drawn.outputs[1].data["text/plain"] == "a.png"
    assert "image/png" in drawn.outputs[1].data
    assert failed.outputs[0].ename == "ZeroDivisionError"
    assert "seccomp" in failed.metadata["sandcrew"]["isolation"]


async def test_code_that_was_changed_before_it_ran_stands_as_it_ran(tmp_path: Path) -> None:
    def change(request: ApprovalRequest) -> ApprovalResponse:
        return ApprovalResponse(
            approved=True, reason="safer", code_blocks=[CodeBlock("print('mine')", "python")]
        )

    result, _ = await run_team("```python\nprint('its')\n```", approval_func=change)
    result.notebook().save(tmp_path / "team.ipynb")
    cells = read(tmp_path / "team.ipynb")
    assert [(cell.source, cell.outputs[0].text) for cell in cells if cell.cell_type == "code"] == [
        ("print('mine')", "mine\n")
    ]
    assert "print('its')" in cells[1].source
