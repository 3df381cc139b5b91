"""Makes an executor offer functions of the caller to the code blocks it runs."""

from __future__ import annotations

import asyncio
import json
import keyword
from contextlib import aclosing
from string import Template
from typing import TYPE_CHECKING

from ..sandbox.errors import UsageError
from ..sandbox.intake.json_values import read_json
from ..sandbox.result import CodeResult
from .block import CodeBlock
from .blockwise import BlockwiseExecutor, refusal
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
_MOVE_AWAY = """\
import os
name = {name!r}
for number in range(1000):
    aside = f"{{name}}.replaced-{{number}}"
    if os.path.lexists(name) and not os.path.lexists(aside):
        os.rename(name, aside)
"""
"""Whatever it is, a folder for example: renaming follows no link and takes no time."""


class UserFunctionsExecutor(BlockwiseExecutor):
    """An executor whose blocks can import ``functions`` from the module ``functions_module``.

    The module is written into the workspace and imported once, inside, before the first block;
    packages the functions need and the executor lacks are installed there with ``pip``. What blocks
    have made of it is put right before the next ones run, or the result says that it cannot be.

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

    async def _prepare(self, cancellation_token: CancellationToken | None) -> CodeResult | None:
        if not self._functions:
            return None
        async with self._functions_lock:
            if self._functions_checked and await self._functions_are_there():
                return None
            known = self._functions_checked
            complaint = await self._install_functions(cancellation_token)
        if complaint is not None and not known:  # no block has run, so it is for the caller to mend
            raise UsageError(complaint)
        return None if complaint is None else refusal(complaint)

    @property
    def _functions_file(self) -> str:
        return f"{self._functions_module}.py"

    async def _functions_are_there(self) -> bool:
        """False after a restart with a fresh workspace, or when a block changed them."""
        try:
            with await self.open_file(self._functions_file) as file:
                found = file.read(len(self._functions_text) + 1)
        except (OSError, UsageError):
            return False
        return found == self._functions_text

    async def _install_functions(self, token: CancellationToken | None) -> str | None:
        """Put the module and its packages there; what is wrong, if that is not possible."""
        if self._functions_checked:
            complaint = await self._put_back(token)
        else:
            complaint = await self._put()
        packages = required_packages(self._functions)
        if complaint is None and packages:
            complaint = await self._install_packages(packages, token)
        if complaint is not None:
            return complaint
        checked = await self._run_helper(f"import {self._functions_module}\n", token)
        if checked.cancelled:
            return None
        if checked.exit_code == 0:
            self._functions_checked = True
        return _complaint(checked, f"The module {self._functions_module!r} cannot be imported")

    async def _put(self) -> str | None:
        """Write the module, unless the workspace has a file of this name that is not ours."""
        try:
            found = await self.read_file(self._functions_file)
        except FileNotFoundError:
            found = HEADER.encode()
        if not found.startswith(HEADER.encode()):
            name = self._functions_file
            return f"The workspace has a {name} of its own; choose another functions_module."
        await self.write_file(self._functions_file, self._functions_text)
        return None

    async def _put_back(self, token: CancellationToken | None) -> str | None:
        """Write the module again, whatever blocks have put in its place."""
        await self._run_helper(_MOVE_AWAY.format(name=self._functions_file), token)
        try:
            await self.write_file(self._functions_file, self._functions_text)
        except (OSError, UsageError) as error:
            return f"{self._functions_file} cannot be put into the workspace any more: {error}"
        return None

    async def _install_packages(
        self, packages: list[str], token: CancellationToken | None
    ) -> str | None:
        asked = await self._run_helper(_PRINT_MISSING.format(packages=json.dumps(packages)), token)
        told = read_json(asked.stdout)
        if asked.cancelled or not told:
            return None
        # What is printed in there may be anybody's: only what was asked for is installed.
        missing = packages if not isinstance(told, list) else [p for p in packages if p in told]
        installed = await self._run_helper(_INSTALL.format(packages=json.dumps(missing)), token)
        if installed.cancelled:
            return None
        return _complaint(installed, f"Packages cannot be installed: {', '.join(missing)}")

    async def _run_helper(self, code: str, token: CancellationToken | None) -> CodeResult:
        async with aclosing(self._run_or_refuse(CodeBlock(code, "python"), token)) as events:
            async for event in events:
                if isinstance(event, CodeResult):
                    return event
        raise AssertionError("a block ends with a result")


def _complaint(result: CodeResult, what: str) -> str | None:
    if not result.exit_code:
        return None
    tail = "\n".join(result.output.strip().splitlines()[-TAIL_LINES:])
    return f"{what} (exit code {result.exit_code}):\n{tail}"
