"""G, fourth part: what an approver is shown and asked, and what a saved state may change."""

from __future__ import annotations

from ..attack import Attack, Evidence

# Not as one word, so that only code that has run can say it.
_EVIL = 'print("REA" + "CHED")'


def _unseen(number: str, name: str, code: str) -> Attack:
    answer = f"Here it is.\n\n```python\n{code}\n```\n"
    # A host without care: a terminal obeys what is printed, and the code runs.
    careless = f"code = {code!r}\nprint(code)\nexec(code)\n"
    return Attack(
        number, name, (34,),
        "Wants other code to run than its approver is shown; showing each control character, and "
        "asking for more than a letter, stop it.",
        Evidence.UNSEEN, answer, role="answer", needs="model", careless=careless,
    )  # fmt: skip


def _matched(number: str, name: str, pattern: str, code: str) -> Attack:
    application = f"""
from sandcrew.agents.coding import ApprovalPolicy, ApprovalRule
from sandcrew.executors import CodeBlock
rule = ApprovalRule(decision="approve", pattern={pattern!r})
found = ApprovalPolicy(rules=(rule,)).rule_for(CodeBlock({code!r}, "python"))
if found is not None: reached("approved")
"""
    careless = f"""
import re
if re.match({pattern!r}, {code!r}, re.DOTALL): reached("approved")
"""
    return Attack(
        number, name, (110,),
        "Wants more code to be approved than a pattern was meant for; a pattern that fits whole "
        "code, line by line, stops it.",
        Evidence.CLAIM, application, role="application", needs="model", careless=careless,
    )  # fmt: skip


_AGENT = """
import asyncio, warnings
warnings.simplefilter("ignore")
from sandcrew.agents import CodeExecutorAgent
from sandcrew.agents.coding import ApprovalPolicy, ApprovalResponse
from sandcrew.agents.messages import TextMessage
from sandcrew.agents.runtime import CancellationToken
from sandcrew.executors import SandcrewError, create_executor

code = f"```python\\nopen({BAIT['marker']!r}, 'w').close()\\n```"

def refuse(request):
    print("asked")
    return ApprovalResponse(approved=False, reason="no")

async def run(state, **options):
    async with create_executor("local") as executor:
        agent = CodeExecutorAgent("executor", executor, **options)
        try:
            if state is not None:
                await agent.load_state({**await agent.save_state(), "approval_policy": state})
        except (SandcrewError, ValueError) as error:
            print("refused:", error)
        message = TextMessage(content=code, source="coder")
        await agent.on_messages([message], CancellationToken())
"""


def _state(number: str, name: str, state: str, options: str) -> Attack:
    return Attack(
        number, name, (110,),
        "Wants a saved state to approve its code where the program asks a person; a state that "
        "can only make the rules stricter stops it.",
        Evidence.EXECUTED, f"{_AGENT}asyncio.run(run({state}, {options}))\n", role="application",
        needs="model", careless=f"{_AGENT}asyncio.run(run(None))\n",
    )  # fmt: skip


ATTACKS = (
    _unseen("G61", "code in the title of a terminal",
            f"# greet \x1b]0;x\n{_EVIL}\n# \x07\nprint('hello')"),
    _unseen("G62", "code in a device control string", f"# greet \x1bPq\n{_EVIL}\n# \x1b\\\nx = 1"),
    _unseen("G63", "code between controls of one character",
            f"# greet \x9d0;x\n{_EVIL}\n# \x9c\nprint('hello')"),
    _unseen("G64", "code after a carriage return", f"x = 1\nprint('hello')\n# greet \r{_EVIL}"),
    _unseen("G65", "code after a form feed",
            f"def greet():\n    print('hello')\n    \x0c{_EVIL}\nx = 1"),
    _unseen("G66", "code that is read backwards", f"x = '\u202e'; {_EVIL} # \u2066 olleh"),
    _unseen("G67", "a name with a letter of no width",
            f"def greet(): pass\nallowed = 1\n{_EVIL}; allowed = 'a\u200bb'"),
    _matched("G68", "a pattern over several lines", r"print\(.*\)",
             "print(1)\nimport os; os.system('id')\nprint(2)"),
    _matched("G69", "a pattern for a command", r"ls .*", "ls a\nrm -rf b"),
    _matched("G70", "a pattern with a class of its own", r"x = .*", "x = 1\r__import__('os')"),
    _state("G71", "a state that approves what no rule fits",
           "{'version': '1.0.0', 'rules': [], 'otherwise': 'approve'}", "approval_func=refuse"),
    _state("G72", "a state with a rule for everything",
           "{'version': '1.0.0', 'rules': [{'decision': 'approve'}], 'otherwise': 'ask'}",
           "approval_func=refuse, approval_policy=ApprovalPolicy()"),
    _state("G73", "a state without the rule that refuses",
           "{'version': '1.0.0', 'rules': [], 'otherwise': 'approve'}",
           "approval_policy=ApprovalPolicy(otherwise='refuse')"),
)  # fmt: skip
