"""Makes an executor offer functions of the caller to the code blocks it runs."""

from __future__ import annotations

import asyncio
import json
import keyword
from contextlib import aclosing
from string import Template
from typing import TYPE_CHECKING

from ..sandbox.errors import UsageError
from ..sandbox.result import CodeResult
from .block import CodeBlock
from .blockwise import BlockwiseExecutor
from .functions import build_python_functions_file, required_packages, to_stub

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .cancellation import CancellationToken
    from .functions import FuncSpec

FUNCTION_PROMPT_TEMPLATE = """\
Your code can use these functions, whose bodies are left out here. They are in the module \
`$module_name`, so begin with `from $module_name import` and the names you need:

$functions"""

HEADER = "# Written by sandcrew for this run; changes are lost.\n"
TAIL_LINES = 8
"""Lines of a traceback shown to the caller."""

_PRINT_MISSING = """\
import importlib.metadata, json, re
missing = []
for wanted in json.loads({packages!r}):
    try:
        # Only a bare name is decided here; pip knows what a version specifier means.
        if not re.fullmatch(r"[A-Za-z0-9._-]+", wanted):
            raise importlib.metadata.PackageNotFoundError
        importlib.metadata.version(wanted)
    except importlib.metadata.PackageNotFoundError:
        missing.append(wanted)
print(json.dumps(missing))
"""
_INSTALL = """\
import json, subprocess, sys
packages = json.loads({packages!r})
pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
sys.exit(subprocess.call([*pip, *packages]))
"""


class UserFunctionsExecutor(BlockwiseExecutor):
    """An executor whose blocks can import ``functions`` from the module ``functions_module``.

    The module is written into the workspace and imported once, inside, before the first block;
    packages the functions need and the executor lacks are installed there with ``pip``.

    Raises
    ------
    UsageError
        The module's name is no identifier, or a function's source cannot be had. Later, at the
        first block: the module cannot be imported, or a package not be installed.
    """

    def __init__(
        self, functions: Sequence[FuncSpec] = (), functions_module: str = "functions"
    ) -> None:
        if not functions_module.isidentifier() or keyword.iskeyword(functions_module):
            raise UsageError(f"functions_module={functions_module!r} is no name of a module.")
        self._functions = tuple(functions)
        self._functions_module = functions_module
        self._functions_text = (HEADER + build_python_functions_file(functions)).encode()
        self._functions_checked = False
        self._functions_lock = asyncio.Lock()

    @property
    def functions(self) -> tuple[FuncSpec, ...]:
        """The functions blocks can import."""
        return self._functions

    @property
    def functions_module(self) -> str:
        """The name of the module blocks import them from."""
        return self._functions_module

    def format_functions_for_prompt(self, prompt_template: str = FUNCTION_PROMPT_TEMPLATE) -> str:
        """What to tell a model about the functions; empty if there are none.

        ``$module_name`` and ``$functions`` of the template are replaced.
        """
        if not self._functions:
            return ""
        stubs = "\n\n".join(to_stub(func) for func in self._functions)
        return Template(prompt_template).safe_substitute(
            module_name=self._functions_module, functions=stubs
        )

    async def _prepare(self, cancellation_token: CancellationToken | None) -> None:
        if not self._functions:
            return
        async with self._functions_lock:
            if not (self._functions_checked and await self._functions_are_there()):
                await self._install_functions(cancellation_token)

    async def _functions_are_there(self) -> bool:
        """False after a restart with a fresh workspace, or when a block wrote over them."""
        try:
            return await self.read_file(f"{self._functions_module}.py") == self._functions_text
        except (FileNotFoundError, UsageError):
            return False

    async def _install_functions(self, token: CancellationToken | None) -> None:
        if not self._functions_checked:
            await self._require_no_other_file()
        await self.write_file(f"{self._functions_module}.py", self._functions_text)
        packages = required_packages(self._functions)
        if packages:
            await self._install_packages(packages, token)
        checked = await self._run_helper(f"import {self._functions_module}\n", token)
        if not checked.cancelled:
            _require_success(checked, f"The module {self._functions_module!r} cannot be imported")
            self._functions_checked = True

    async def _require_no_other_file(self) -> None:
        name = f"{self._functions_module}.py"
        try:
            found = await self.read_file(name)
        except FileNotFoundError:
            return
        if not found.startswith(HEADER.encode()):
            raise UsageError(
                f"The workspace has a {name} of its own; choose another functions_module."
            )

    async def _install_packages(self, packages: list[str], token: CancellationToken | None) -> None:
        wanted = json.dumps(packages)
        asked = await self._run_helper(_PRINT_MISSING.format(packages=wanted), token)
        if asked.cancelled or not json.loads(asked.stdout or "[]"):
            return
        installed = await self._run_helper(_INSTALL.format(packages=asked.stdout), token)
        if not installed.cancelled:
            _require_success(installed, f"Packages cannot be installed: {asked.stdout.strip()}")

    async def _run_helper(self, code: str, token: CancellationToken | None) -> CodeResult:
        async with aclosing(self._run_or_refuse(CodeBlock(code, "python"), token)) as events:
            async for event in events:
                if isinstance(event, CodeResult):
                    return event
        raise AssertionError("a block ends with a result")


def _require_success(result: CodeResult, complaint: str) -> None:
    if result.exit_code:
        tail = "\n".join(result.output.strip().splitlines()[-TAIL_LINES:])
        raise UsageError(f"{complaint} (exit code {result.exit_code}):\n{tail}")
