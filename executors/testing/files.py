"""The contract: the workspace and what blocks leave there."""

from __future__ import annotations

import pytest

from ...sandbox.errors import UsageError
from .base import ContractBase, python, run

PNG = b"\x89PNG\r\n\x1a\n"


class FilesContract(ContractBase):
    async def test_blocks_share_the_files_of_the_workspace(self) -> None:
        blocks = [
            python("_ = open('shared.txt', 'w').write('hello')"),
            python("print(open('shared.txt').read())"),
        ]
        async with self.make_executor() as executor:
            assert (await run(executor, *blocks)).output == "hello\n"

    async def test_files_stay_from_call_to_call(self) -> None:
        async with self.make_executor() as executor:
            await run(executor, python("open('kept.txt', 'w').write('hello')"))
            result = await run(executor, python("print(open('kept.txt').read())"))
        assert result.output == "hello\n"

    async def test_files_put_there_from_outside_can_be_read_and_the_other_way_round(self) -> None:
        code = "data = open('in/a.bin', 'rb').read(); _ = open('out.bin', 'wb').write(data[::-1])"
        async with self.make_executor() as executor:
            await executor.write_file("in/a.bin", b"\0\xff1")
            result = await run(executor, python(code))
            assert result.exit_code == 0, result.output
            assert await executor.read_file("out.bin") == b"1\xff\0"

    async def test_artifacts_are_the_files_created_or_changed_with_size_and_type(self) -> None:
        code = f"""
            import os
            os.mkdir("plots")
            open("plots/a.png", "wb").write({PNG!r})
            open("changed.csv", "a").write("1,2\\n")
        """
        async with self.make_executor() as executor:
            await executor.write_file("changed.csv", b"a,b\n")
            await executor.write_file("untouched.txt", b"same")
            artifacts = (await run(executor, python(code))).artifacts
        assert [(a.path, a.size, a.mime_type) for a in artifacts] == [
            ("changed.csv", 8, "text/csv"),
            ("plots/a.png", len(PNG), "image/png"),
        ]

    async def test_only_regular_files_are_artifacts(self) -> None:
        code = """
            import os
            os.symlink("/etc/passwd", "link")
            os.symlink("/etc", "folder")
            os.mkfifo("pipe")
            open("file", "w").close()
        """
        async with self.make_executor() as executor:
            result = await run(executor, python(code))
            assert result.exit_code == 0, result.output
            with pytest.raises(UsageError):
                await executor.read_file("link")
            with pytest.raises(UsageError):
                await executor.read_file("folder/passwd")
        assert [artifact.path for artifact in result.artifacts] == ["file"]

    async def test_artifacts_of_a_run_that_failed_are_listed_too(self) -> None:
        async with self.make_executor() as executor:
            result = await run(executor, python("open('a.txt', 'w').close(); 1 / 0"))
        assert [artifact.path for artifact in result.artifacts] == ["a.txt"]

    async def test_running_a_block_leaves_no_file_of_ours(self) -> None:
        async with self.make_executor() as executor:
            await run(executor, python("print(1)"))
            assert await executor.list_files() == []

    async def test_a_missing_file_and_a_way_out_are_told_apart(self) -> None:
        async with self.make_executor() as executor:
            with pytest.raises(FileNotFoundError):
                await executor.read_file("nothing.txt")
            with pytest.raises(UsageError):
                await executor.read_file("../../etc/passwd")
            with pytest.raises(UsageError):
                await executor.write_file("../escaped", b"")

    async def test_a_named_block_makes_folders_and_can_be_imported_later(self) -> None:
        module = python("# filename: pkg/sub/mod.py\nVALUE = 42\nprint('ran')")
        async with self.make_executor() as executor:
            first = await run(executor, module)
            then = await run(executor, python("from pkg.sub.mod import VALUE; print(VALUE)"))
            assert await executor.read_file("pkg/sub/mod.py") == module.code.encode()
        assert (first.exit_code, first.output) == (0, "ran\n")
        assert (then.exit_code, then.output) == (0, "ran\n42\n")

    async def test_a_named_block_can_import_its_neighbours(self) -> None:
        async with self.make_executor() as executor:
            await run(executor, python("# filename: helper.py\nVALUE = 1"))
            result = await run(executor, python("# filename: main.py\nimport helper\nprint(1)"))
        assert (result.exit_code, result.output) == (0, "1\n")

    @pytest.mark.parametrize("name", ["../a.py", "/tmp/a.py", "a/../../b.py"])  # noqa: S108
    async def test_a_named_block_cannot_leave_the_workspace(self, name: str) -> None:
        async with self.make_executor() as executor:
            result = await run(executor, python(f"# filename: {name}\nprint('ran')"))
        assert result.exit_code == 1
        assert "filename is not in the workspace" in result.output
        assert "ran" not in result.output

    async def test_a_named_block_cannot_leave_through_a_link(self) -> None:
        async with self.make_executor() as executor:
            await run(executor, python("import os; os.symlink('/tmp', 'link')"))
            result = await run(executor, python("# filename: link/sandcrew-escaped.py\nprint(1)"))
        assert result.exit_code == 1
        assert result.stdout == ""
