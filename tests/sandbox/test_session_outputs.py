"""What a cell shows, in the forms that notebooks know."""

from __future__ import annotations

import base64
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from sandcrew.sandbox import CellResult, OutputEvent, Policy, RichOutput, Sandbox, Session

Live = Callable[..., AbstractAsyncContextManager[Session]]

PNG = b"\x89PNG\r\n\x1a\n"


def mimes(result: CellResult) -> list[list[str]]:
    return [sorted(output.data) for output in result.outputs]


async def test_objects_say_by_their_methods_how_they_look(policy: Policy, live: Live) -> None:
    code = """
class Shape:
    def __repr__(self): return "<shape>"
    def _repr_html_(self): return "<b>shape</b>"
    def _repr_png_(self): return b"png bytes", {"width": 2}
    def _repr_json_(self): return {"a": [1, None]}
    def _repr_svg_(self): raise ValueError
    def _repr_latex_(self): return None
Shape()
"""
    async with live(policy) as session:
        (output,) = (await session.run(code)).outputs
    assert output.data == {
        "text/plain": "<shape>",
        "text/html": "<b>shape</b>",
        "image/png": base64.b64encode(b"png bytes").decode(),
        "application/json": {"a": [1, None]},
    }
    assert output.metadata == {"image/png": {"width": 2}}


async def test_a_mime_bundle_is_shown(live: Live) -> None:
    code = """
class Bundle:
    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/plain": "plain", "application/x+json": {"x": 1}, "text/html": None}, {"m": 1}
    def _repr_html_(self): return "from the method"
display(Bundle(), 1)
"""
    async with live() as session:
        bundle, one = (await session.run(code)).outputs
    assert bundle.data == {
        "text/plain": "plain", "application/x+json": {"x": 1}, "text/html": "from the method",
    }  # fmt: skip
    assert bundle.metadata == {"m": 1}
    assert one.data == {"text/plain": "1"}


@pytest.mark.parametrize(
    "code",
    [
        "class A:\n  def _repr_html_(self): return 'for instances'\nA",
        "from unittest.mock import MagicMock\nMagicMock()",
        "class A:\n  def __getattr__(self, name): return lambda **_: name\nA()",
        "class A:\n  def __getattr__(self, name): raise RuntimeError\nA()",
        "class A:\n  def _repr_mimebundle_(self, **_): return 5\nA()",
    ],
)
async def test_classes_mocks_and_nonsense_are_shown_as_text(code: str, live: Live) -> None:
    async with live() as session:
        result = await session.run(code)
    assert result.exit_code == 0
    assert mimes(result) == [["text/plain"]]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("class A:\n  def __repr__(self): 1 / 0\nA()", "<A: its repr() raised ZeroDivisionError>"),
        ("class A:\n  def __repr__(self): return 5\nA()", "<A: its repr() raised TypeError>"),
        ("x = []; x.append(x); x", "[[...]]"),
    ],
)
async def test_a_repr_that_fails_is_no_error_of_the_cell(code: str, text: str, live: Live) -> None:
    async with live() as session:
        result = await session.run(code)
    assert (result.exit_code, result.outputs[0].data) == (0, {"text/plain": text})


async def test_metadata_that_cannot_be_sent_is_left_out(live: Live) -> None:
    code = """
class A:
    def __init__(self, about): self.about = about
    def _repr_html_(self): return "x", self.about
loop = {}; loop["loop"] = loop
display(A(object()), A("x" * 1_000_000), A(loop), A({1: 2}))
"""
    async with live() as session:
        result = await session.run(code)
    assert result.exit_code == 0, result.stderr
    assert [output.data["text/html"] for output in result.outputs] == ["x"] * 4
    assert [len(output.metadata) for output in result.outputs] == [0, 0, 0, 1]


async def test_a_form_too_large_to_show_says_so(live: Live) -> None:
    code = "class A:\n  def _repr_html_(self): return 'x' * (40 << 20)\nA()"
    async with live() as session:
        (output,) = (await session.run(code)).outputs
        (text,) = (await session.run("'x' * (40 << 20)")).outputs
    assert output.data["text/html"] == "<41,943,040 bytes, too large to show>"
    assert len(text.data["text/plain"]) < 2 << 20


async def test_displays_without_end_are_bounded_and_the_cell_goes_on(live: Live) -> None:
    async with live() as session:
        many = await session.run("for i in range(100_000): display(i)\n'end'")
        assert (many.exit_code, many.value, many.truncated) == (0, "end", True)
        assert len(many.outputs) == 1000
        code = "class A:\n  def _repr_png_(self): return bytes({} << 20)\n"
        large = await session.run(code.format(5) + "for _ in range(50): display(A())")
        assert (large.exit_code, large.truncated) == (0, True)
        assert len(large.outputs) == 4
        one = await session.run(code.format(20) + "display(A())")
        assert one.outputs[0].data["image/png"] == "<20,971,520 bytes, too large to show>"
        assert (await session.run("1")).truncated is False


async def test_threads_that_display_at_once_do_not_disturb_each_other(live: Live) -> None:
    code = """
import threading
class Long:
    def _repr_html_(self): return "x" * 300_000
def show():
    for _ in range(10): display(Long())
threads = [threading.Thread(target=show) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
    async with live() as session:
        result = await session.run(code)
        assert (await session.run("1")).value == 1
    assert (result.exit_code, len(result.outputs)) == (0, 80)


async def test_a_child_of_a_cell_prints_what_it_would_display(live: Live) -> None:
    code = """
import os
pid = os.fork()
if pid == 0:
    display({"from": "child"})
    os._exit(0)
os.waitpid(pid, 0)[1]
"""
    async with live() as session:
        result = await session.run(code)
    assert (result.output, result.value) == ("{'from': 'child'}\n", 0)


# --- data frames and figures ---


async def test_a_data_frame_is_shown_as_html(live: Live) -> None:
    code = "import pandas as pd\npd.DataFrame({'a': [1, 2]})"
    async with live() as session:
        (output,) = (await session.run(code)).outputs
    assert "<table" in output.data["text/html"]
    assert "a\n0  1\n1  2" in output.data["text/plain"]


PLOT = "import matplotlib.pyplot as plt\nfig, ax = plt.subplots(figsize=(1, 1))\nax.plot([1, 2])\n"


async def test_a_figure_is_shown_once_however_it_is_shown_and_also_before_an_error(
    live: Live,
) -> None:
    async with live() as session:
        for end in ("plt.show()", "fig", "None", "display(fig); plt.close(fig)", "1 / 0"):
            result = await session.run(PLOT + end)
            pictures = [output.data["image/png"] for output in result.outputs]
            assert len(pictures) == 1, end
            assert base64.b64decode(pictures[0]).startswith(PNG)
            assert result.stdout == ""
            assert (await session.run("plt.get_fignums()")).value == []
        code = PLOT + "print('one')\nplt.show()\nprint('two')\nplt.figure().gca().plot([1])"
        seen: list[str] = []
        async for event in session.stream(code):
            if isinstance(event, OutputEvent):
                seen += event.text.split()
            elif isinstance(event, RichOutput):
                seen.append("image/png" if "image/png" in event.data else "text")
        assert seen == ["one", "image/png", "two", "image/png", "text"]


async def test_a_picture_of_pillow_is_shown(live: Live) -> None:
    async with live() as session:
        (output,) = (await session.run("from PIL import Image\nImage.new('RGB', (2, 2))")).outputs
    assert base64.b64decode(output.data["image/png"]).startswith(PNG)


async def test_programs_that_a_cell_starts_can_plot_as_well(live: Live) -> None:
    code = """
import subprocess, sys
plot = "import matplotlib.pyplot as plt; plt.plot([1]); plt.savefig('out.png'); print('drawn')"
subprocess.run([sys.executable, "-c", plot], check=True)
"""
    async with live() as session:
        await session.run("import matplotlib.pyplot")
        result = await session.run(code)
    assert (result.exit_code, result.output) == (0, "drawn\n")
    assert [artifact.path for artifact in result.artifacts] == ["out.png"]


async def test_a_backend_of_ones_own_is_left_alone(live: Live) -> None:
    async with live(env={"MPLBACKEND": "svg"}) as session:
        assert (await session.run(PLOT + "plt.get_backend()")).value == "svg"


async def test_what_is_preloaded_keeps_its_settings_where_guests_may_write() -> None:
    code = """
import os, matplotlib, matplotlib.pyplot as plt
folder = matplotlib.get_configdir()
open(os.path.join(folder, "mine"), "w")
plt.plot([1, 2])
plt.show()
folder
"""
    policy = Policy(preload=["numpy", "matplotlib.pyplot"])
    async with Sandbox(policy) as box, box.session() as session:
        result = await session.run(code)
    assert result.value.startswith("/home/sandbox"), result.output
    assert "image/png" in result.outputs[0].data
