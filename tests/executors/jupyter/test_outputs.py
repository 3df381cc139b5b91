"""What cells put out: text, values in every form, pictures as files, questions."""

from __future__ import annotations

import asyncio
import base64

import pytest

from sandcrew.executors import CodeBlock, JupyterCodeExecutor, OutputEvent

from .conftest import SharedKernel

SHOW = "from IPython.display import *\n"


def test_the_value_of_the_last_expression_is_output(kernel: SharedKernel) -> None:
    result = kernel.run("x = 41\nx + 1")
    assert (result.exit_code, result.output, result.stdout) == (0, "42\n", "")
    assert result.outputs[0].data == {"text/plain": "42"}


def test_printed_text_and_values_stand_in_their_order(kernel: SharedKernel) -> None:
    result = kernel.run(SHOW + "print('a'); display(1); print('b')\n2")
    assert result.output == "a\n1\nb\n2\n"
    assert (result.stdout, result.stderr) == ("a\nb\n", "")


@pytest.mark.parametrize(
    ("code", "kind", "form"),
    [
        ("HTML('<b>x</b>')", "text/html", "<b>x</b>"),
        ("Markdown('**x**')", "text/markdown", "**x**"),
        ("Latex('$x$')", "text/latex", "$x$"),
        ("JSON({'a': [1]})", "application/json", {"a": [1]}),
        ("SVG('<svg xmlns=\"http://www.w3.org/2000/svg\"/>')", "image/svg+xml", "<svg"),
    ],
)
def test_a_value_comes_in_all_its_forms(
    kernel: SharedKernel, code: str, kind: str, form: object
) -> None:
    data = kernel.run(SHOW + code).outputs[0].data
    assert data[kind] == form or str(data[kind]).startswith(str(form))


def test_a_widget_has_its_text(kernel: SharedKernel) -> None:
    code = SHOW + (
        "display({'text/plain': 'IntSlider(value=7)',"
        " 'application/vnd.jupyter.widget-view+json': {'model_id': 'm'}}, raw=True)"
    )
    assert kernel.run(code).output == "IntSlider(value=7)\n"


@pytest.mark.parametrize(
    ("form", "start"),
    [
        ("png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01"),
        ("jpeg", b"\xff\xd8\xff\xc0\0\x0b\x08\0\x01\0\x01"),
    ],
)
def test_a_picture_is_saved_and_named_in_the_text(
    kernel: SharedKernel, form: str, start: bytes
) -> None:
    data = base64.b64encode(start + bytes(range(40))).decode()
    result = kernel.run(SHOW + f"display({{'image/{form}': {data!r}}}, raw=True)")
    (artifact,) = result.artifacts
    assert f"[picture: {artifact.path}]" in result.output
    assert kernel.wait(kernel.executor.read_file(artifact.path)).startswith(start)
    (copy,) = result.output_files
    assert copy.name == artifact.path
    assert copy.read_bytes().startswith(start)


def test_a_chart_of_matplotlib_is_a_picture(kernel: SharedKernel) -> None:
    result = kernel.run("import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()")
    assert [artifact.mime_type for artifact in result.artifacts] == ["image/png"]


def test_a_drawing_is_saved_without_its_scripts(kernel: SharedKernel) -> None:
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script>'
        '<rect width="5"/></svg>'
    )
    (artifact,) = kernel.run(SHOW + f"SVG({svg!r})").artifacts
    saved = kernel.wait(kernel.executor.read_file(artifact.path))
    assert b"rect" in saved
    assert b"alert" not in saved


def test_what_only_says_that_it_is_a_picture_is_not_saved(kernel: SharedKernel) -> None:
    result = kernel.run(SHOW + "display({'image/png': 'PHNjcmlwdD4='}, raw=True)")
    assert (result.artifacts, result.output_files) == ((), ())


def test_an_update_stands_where_the_value_was_displayed(kernel: SharedKernel) -> None:
    code = SHOW + (
        "handle = display('0 %', display_id=True); print('working')\n"
        "for n in range(1, 101): handle.update(f'{n} %')"
    )
    result = kernel.run(code)
    assert result.output == "'100 %'\nworking\n"
    assert [output.data for output in result.outputs] == [{"text/plain": "'100 %'"}]


def test_cleared_output_is_gone(kernel: SharedKernel) -> None:
    code = SHOW + "for n in range(5):\n    clear_output(wait=True); print(n)"
    assert kernel.run(code).output == "4\n"
    assert kernel.run(SHOW + "print(1); clear_output()").output == ""


def test_an_exception_is_text_without_colours_and_has_all_its_parts(kernel: SharedKernel) -> None:
    result = kernel.run("def f():\n    1 / 0\nf()")
    assert result.exit_code == 1
    assert "\x1b" not in result.output
    assert "ZeroDivisionError: division by zero" in result.stderr
    assert result.cell_outputs[-1]["ename"] == "ZeroDivisionError"


def test_an_exit_is_no_exception(kernel: SharedKernel) -> None:
    assert kernel.run("import sys; print('x'); sys.exit(7)").output == "x\n"
    assert kernel.run("import sys; sys.exit('why')").stderr == "why\n"


def test_magics_and_shell_lines_work_as_in_a_notebook(kernel: SharedKernel) -> None:
    assert kernel.run("word = 'hello'\n!echo $word {6 * 7}").output == "hello 42\n"
    assert kernel.run("lines = !printf 'a\\nb\\n'\nprint(lines)").output == "['a', 'b']\n"
    assert kernel.run("%%bash\necho $((6 * 7))").output == "42\n"
    assert "Signature" in kernel.run("len?").output


def test_magics_and_shell_lines_are_confined_too(kernel: SharedKernel) -> None:
    assert kernel.run("!id -u; ls /root 2>/dev/null").output == "1000\n"
    assert "Read-only" in kernel.run("!touch /usr/x").output


def test_shell_blocks_run_as_cells_of_a_python_kernel(kernel: SharedKernel) -> None:
    result = kernel.run("echo out; echo err >&2; exit 5", "bash")
    assert (result.exit_code, result.stdout, result.stderr) == (5, "out\n", "err\n")


def test_input_is_refused_when_nobody_answers(kernel: SharedKernel) -> None:
    result = kernel.run("input('name? ')")
    assert result.exit_code == 1
    assert "does not support input" in result.stderr


async def test_input_is_answered_by_a_function_of_the_caller() -> None:
    asked: list[tuple[str, bool]] = []

    async def answer(prompt: str, secret: bool) -> str:
        asked.append((prompt, secret))
        return "Ada"

    code = "import getpass\nprint(input('name? ') + getpass.getpass('key? '))"
    async with JupyterCodeExecutor(answer_input=answer) as executor:
        result = await executor.execute_code_blocks([CodeBlock(code, "python")])
    assert result.output.endswith("AdaAda\n")
    assert asked == [("name? ", False), ("key? ", True)]


async def test_a_question_nobody_answers_ends_at_the_time_limit() -> None:
    async def answer(prompt: str, secret: bool) -> str:
        await asyncio.Event().wait()
        return ""

    async with JupyterCodeExecutor(answer_input=answer, timeout=1) as executor:
        blocks = [CodeBlock("input()", "python")]
        assert (await executor.execute_code_blocks(blocks)).timed_out
        result = await executor.execute_code_blocks([CodeBlock("print(1)", "python")])
    assert result.output == "1\n"


def test_output_is_streamed_while_the_cell_runs(kernel: SharedKernel) -> None:
    code = "import os, time\nprint('first', flush=True)\nwhile not os.path.exists('go'):\n"
    code += "    time.sleep(0.01)\nprint('second')"

    async def follow() -> list[str]:
        heard: list[str] = []
        async for event in kernel.executor.stream([CodeBlock(code, "python")]):
            if isinstance(event, OutputEvent):
                heard.append(event.text)
                await kernel.executor.write_file("go", b"")
        return heard

    assert kernel.wait(follow()) == ["first\n", "second\n"]


def test_pictures_go_where_the_caller_wants_copies(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("out") / "pictures"

    async def work() -> None:
        async with JupyterCodeExecutor(output_dir=folder) as executor:
            code = SHOW + "display({'image/png': 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB'}, raw=True)"
            await executor.execute_code_blocks([CodeBlock(code, "python")])

    asyncio.run(work())
    assert [path.suffix for path in folder.iterdir()] == [".png"]
