"""The contract: functions of the caller."""

from __future__ import annotations

import pytest

from ...sandbox.errors import UsageError
from ..functions import Alias, FunctionWithRequirements, with_requirements
from .base import ContractBase, python, run


def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


@with_requirements(global_imports=[Alias("math", "m")])
def rooted(number: float) -> str:
    return str(m.sqrt(number))  # type: ignore[name-defined]  # noqa: F821 # pyright: ignore


class FunctionsContract(ContractBase):
    async def test_blocks_can_import_functions_of_the_caller(self) -> None:
        code = python("from functions import double, rooted; print(double(21), rooted(4))")
        async with self.make_executor(functions=[double, rooted]) as executor:
            result = await run(executor, code)
            again = await run(executor, code)
        assert (result.exit_code, result.output) == (0, "42 2.0\n")
        assert again.output == "42 2.0\n"

    async def test_the_module_of_functions_has_the_name_asked_for(self) -> None:
        options = {"functions": [double], "functions_module": "skills"}
        async with self.make_executor(**options) as executor:
            assert (await run(executor, python("import skills; print(skills.double(1))"))).output

    async def test_functions_are_there_after_a_restart_too(self) -> None:
        code = python("from functions import double; print(double(1))")
        async with self.make_executor(functions=[double]) as executor:
            await run(executor, code)
            await executor.restart()
            assert (await run(executor, code)).output == "2\n"

    async def test_functions_that_cannot_be_imported_are_the_caller_s_mistake(self) -> None:
        broken = FunctionWithRequirements.from_str(
            "def f(): pass", global_imports=["no_such_module_anywhere"]
        )
        async with self.make_executor(functions=[broken]) as executor:
            with pytest.raises(UsageError, match="no_such_module_anywhere"):
                await run(executor, python("print(1)"))

    @pytest.mark.parametrize(
        "damage",
        [
            "os.mkdir(name); open(name + '/a', 'w').close()",
            "os.mkfifo(name)",
            "os.symlink('/etc/passwd', name)",
            "os.symlink('nowhere', name)",
            "open(name, 'w').write('def double(n): return 666')",
            "os.truncate(os.open(name, os.O_CREAT | os.O_RDWR), 200 << 20)",
            "open(name, 'w').close(); os.chmod(name, 0)",
            "socket.socket(socket.AF_UNIX).bind(name)",
        ],
    )
    async def test_whatever_a_block_makes_of_the_functions_the_next_has_them(
        self, damage: str
    ) -> None:
        code = python("from functions import double; print(double(21))")
        prelude = "import os, socket\nname = 'functions.py'\nos.unlink(name)\n"
        async with self.make_executor(functions=[double]) as executor:
            await run(executor, code)
            await run(executor, python(prelude + damage))
            assert (await run(executor, code)).output == "42\n"

    async def test_if_a_block_leaves_no_way_to_put_them_back_the_next_result_says_so(self) -> None:
        code = python("from functions import double; print(double(21))")
        # An interpreter that outlives the block still has the module: it has to forget it.
        lie = "import os, sys\nsys.modules.pop('functions', None)\n"
        lie += "os.unlink('functions.py'); os.mkdir('functions')\n"
        lie += "open('functions/__init__.py', 'w').write('raise SystemExit(3)')"
        async with self.make_executor(functions=[double]) as executor:
            assert (await run(executor, code)).exit_code == 0
            await run(executor, python(lie))
            result = await run(executor, code)
            assert result.exit_code != 0
            assert "functions" in result.output
