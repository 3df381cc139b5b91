"""Approving code at the terminal: approve, edit, refuse, remember."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sandcrew.agents import ApprovalPolicy, ApprovalRequest, CodeExecutorAgent
from sandcrew.agents.ui import TerminalApproval
from sandcrew.executors import CodeBlock, LocalCommandLineCodeExecutor, UsageError

from .reports import printed

pytestmark = pytest.mark.filterwarnings("ignore:LocalCommandLineCodeExecutor")

PRINTS = "```python\nprint('done')\n```"
TWO = f"{PRINTS}\n```sh\necho two\n```"


class Person:
    """Types the given lines, then is gone; remembers what was asked."""

    def __init__(self, *lines: str) -> None:
        self.lines = list(lines)
        self.asked: list[str] = []

    async def ask(self, question: str) -> str:
        self.asked.append(question)
        if not self.lines:
            raise EOFError
        return self.lines.pop(0)


async def told(
    person: Person,
    executor: LocalCommandLineCodeExecutor,
    *texts: str,
    editor: tuple[str, ...] = (),
    policy: ApprovalPolicy | None = None,
) -> tuple[list[str], CodeExecutorAgent]:
    """What the agent reports of each text, and the agent."""
    agent = CodeExecutorAgent(
        "runner",
        executor,
        approval_func=TerminalApproval(person.ask, editor),
        approval_policy=policy or ApprovalPolicy(),
    )
    async with executor:
        results = [await agent.run(task=text) for text in texts]
    return [result.messages[-1].to_text() for result in results], agent


async def test_what_is_approved_runs(executor: LocalCommandLineCodeExecutor) -> None:
    reports, _ = await told(person := Person("a"), executor, PRINTS)
    assert printed(reports[0]) == "done\n"
    assert len(person.asked) == 1


@pytest.mark.parametrize("slip", ["", "x", "approve it", "  "])
async def test_a_slip_of_the_finger_approves_nothing(
    slip: str, executor: LocalCommandLineCodeExecutor
) -> None:
    reports, _ = await told(Person(slip, slip, "r", "no time"), executor, PRINTS)
    assert "Reason: no time" in reports[0]
    assert "done" not in reports[0]


async def test_without_anybody_at_the_terminal_nothing_runs(
    executor: LocalCommandLineCodeExecutor,
) -> None:
    reports, _ = await told(Person(), executor, PRINTS)
    assert "nobody is at the terminal" in reports[0]


async def test_code_can_be_typed_anew(executor: LocalCommandLineCodeExecutor) -> None:
    reports, _ = await told(
        Person("e", "for i in (1, 2):", "  print(i)", ".", "a"), executor, PRINTS
    )
    assert printed(reports[0]) == "1\n2\n"
    assert "The code was changed before it ran" in reports[0]


async def test_code_can_be_changed_in_an_editor(
    executor: LocalCommandLineCodeExecutor, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    program = f"""
import sys; path = sys.argv[1]; text = open(path).read()
open({str(seen)!r}, "w").write(path)
open(path, "w").write(text.replace("done", "edited"))
"""
    editor = (sys.executable, "-c", program)
    reports, _ = await told(Person("e", "a"), executor, PRINTS, editor=editor)
    assert printed(reports[0]) == "edited\n"
    assert seen.read_text().endswith("code.py")
    assert not Path(seen.read_text()).exists(), "the editor's file is gone"


async def test_an_editor_that_fails_changes_nothing(executor: LocalCommandLineCodeExecutor) -> None:
    reports, _ = await told(Person("e", "a"), executor, PRINTS, editor=("false",))
    assert printed(reports[0]) == "done\n"
    with pytest.raises(UsageError, match="no-such-editor"):
        await told(Person("e"), executor, PRINTS, editor=("no-such-editor",))


async def test_the_editor_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", "")
    monkeypatch.setenv("EDITOR", "true --wait")
    answer = await TerminalApproval(Person("e", "a").ask)(
        ApprovalRequest(code=PRINTS, context=[], code_blocks=[CodeBlock("1", "python")])
    )
    assert answer.approved
    assert answer.code_blocks is None


async def test_each_block_is_asked_about_and_a_refusal_ends_it(
    executor: LocalCommandLineCodeExecutor,
) -> None:
    reports, _ = await told(Person("a", "r", "no shell"), executor, TWO)
    assert reports[0].startswith("Code execution was not approved. Reason: no shell")
    assert printed(reports[0]) == "done\n"


async def test_what_is_always_approved_is_not_asked_again_in_another_process_either(
    executor: LocalCommandLineCodeExecutor,
) -> None:
    reports, agent = await told(person := Person("w"), executor, PRINTS, PRINTS)
    assert [printed(report) for report in reports] == ["done\n"] * 2
    assert len(person.asked) == 1
    assert agent.approval_policy is not None
    nobody = Person()
    other = CodeExecutorAgent(
        "runner",
        executor,
        approval_func=TerminalApproval(nobody.ask, ()),
        approval_policy=ApprovalPolicy.model_validate_json(agent.approval_policy.model_dump_json()),
    )
    async with executor:
        again = await other.run(task=PRINTS)
        changed = await other.run(task=PRINTS.replace("done", "more"))
    assert printed(again.messages[-1].to_text()) == "done\n"
    assert "nobody is at the terminal" in changed.messages[-1].to_text()


async def test_a_language_can_be_approved_for_good(executor: LocalCommandLineCodeExecutor) -> None:
    other = "```python\nprint('other')\n```"
    reports, _ = await told(Person("l", "r", ""), executor, PRINTS, other, "```sh\nls\n```")
    assert [printed(report) for report in reports[:2]] == ["done\n", "other\n"]
    assert "Reason: refused at the terminal" in reports[2]


async def test_code_can_be_refused_for_good(executor: LocalCommandLineCodeExecutor) -> None:
    reports, agent = await told(person := Person("n", "too loud"), executor, PRINTS, PRINTS)
    assert all("Reason: too loud" in report for report in reports)
    assert len(person.asked) == 2
    assert agent.approval_policy is not None
    kept = ApprovalPolicy.model_validate_json(agent.approval_policy.model_dump_json())
    assert [rule.decision for rule in kept.rules] == ["refuse"]


async def test_several_blocks_at_once_cannot_be_remembered() -> None:
    blocks = [CodeBlock("1", "python"), CodeBlock("2", "python")]
    person = Person("w", "l", "n", "a")
    answer = await TerminalApproval(person.ask, ())(
        ApprovalRequest(code="", context=[], code_blocks=blocks)
    )
    assert answer.approved
    assert answer.remember is None
    assert "always" not in person.asked[0]
