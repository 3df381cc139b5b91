"""Markup, notebooks and messages that still acted after the first mend."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from sandcrew.sandbox.intake import LeftOut
from sandcrew.sandbox.intake.forms import safe_forms
from sandcrew.sandbox.intake.kernel_messages import safe_content
from sandcrew.sandbox.intake.markup import static_html, static_latex, static_markdown
from sandcrew.sandbox.intake.notebook import read_notebook
from sandcrew.sandbox.intake.svg import static_svg

PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB")


@pytest.mark.parametrize(
    "text",
    [
        '[x](https://a.example "$" onclick=alert(1) x="$")',
        '[x](https://a.example\n"$" onclick=alert(1) x="$")',
        '[x](https://a.example/() "$" onclick=alert(1) x="$")',
        "[x](https://a.example '$\"onclick=alert(1) x=\"$')",
        '[x]: https://a.example "$\\" onclick=alert(1) x=\\"$"\n\n[x]',
        '> [x]: https://a.example\n> "$\\" onclick=alert(1) x=\\"$"\n\n[x]',
        '[x](https://a.example "\\begin{a}" onclick=alert(1) x="\\end{a}")',
    ],
)
def test_a_link_of_markdown_has_no_title_to_hide_a_formula_in(text: str) -> None:
    # JupyterLab puts a formula back into the attribute, with its quotation marks.
    made = str(static_markdown(text))
    assert "](" not in made
    assert "]:" not in made


@pytest.mark.parametrize(
    "text",
    [
        'https://a.example/$"onclick=alert(1)$',
        'www.a.example/$"onclick=alert(1)$',
        '[x](https://a.example/$"onclick=alert(1)$)',
        '[x](mailto:a@b.example?$"onclick=alert(1)$)',
        '[x](https://a.example/\\\\\\\\("onclick=alert(1)\\\\\\\\))',
        '```$"onclick=alert(1)"$\nx',
        '~~~$"onclick=alert(1)"$\nx',
    ],
)
def test_no_formula_begins_in_what_becomes_an_attribute(text: str) -> None:
    made = str(static_markdown(text))
    assert "$" not in made
    assert "\\" not in made


def test_links_formulas_and_code_of_markdown_stay() -> None:
    text = (
        "[a](https://a.example/x_(y)) and [b](https://b.example), $x^2$\n\n"
        '[c]: https://c.example\n\n```sh\necho "$A" "$B"\n```\n'
    )
    assert static_markdown(text) == text
    assert static_markdown("ftp://a.example") == "ftp ://a.example"


@pytest.mark.parametrize("target", ["http:evil.html", "https:/logout", "HTTP:evil.html", "https:"])
def test_a_link_of_html_leaves_the_server_that_shows_it(target: str) -> None:
    assert "href" not in str(static_html(f"<a href='{target}'>x</a>"))
    assert "href" in str(static_html("<a href='https://a.example'>x</a>"))


@pytest.mark.parametrize(
    "colour", ["{url(//x.example)}", "{red;background:url(//x)}", "[rgb]{a:b}", "{\nurl(x)}"]
)
def test_a_colour_of_mathematics_is_no_address(colour: str) -> None:
    for command in ("color", "textcolor"):
        assert isinstance(static_latex(f"$\\{command}{colour}x$"), LeftOut)
    for good in ("\\color{red}x", "\\textcolor{#ff0000}{x}", "\\color[rgb]{1,0,.5}x"):
        assert static_latex(good) == good


@pytest.mark.parametrize(
    "inside",
    [
        "<g id='a'>" + "<path/>" * 20_000 + "</g>" + "<use href='#a'/>" * 20_000,
        "<symbol id='a'>" + "<path/>" * 3_000 + "</symbol>" + "<use href='#a'/>" * 3_000,
        "<mask id='a'>" + "<path/>" * 3_000 + "</mask>" + "<path mask='url(#a)'/>" * 3_000,
        "<pattern id='a'>"
        + "<path/>" * 300
        + "</pattern><g id='b'>"
        + "<path fill='url(#a)'/>" * 300
        + "</g>"
        + "<use href='#b'/>" * 300,
    ],
)
def test_a_drawing_does_not_draw_millions_of_shapes(inside: str) -> None:
    assert isinstance(
        static_svg(f'<svg xmlns="http://www.w3.org/2000/svg">{inside}</svg>'), LeftOut
    )


def test_a_drawing_with_many_markers_and_clipping_paths_stays() -> None:
    inside = (
        "<clipPath id='c'><rect/></clipPath><g id='m'><path/><path/></g>"
        + "<use href='#m' clip-path='url(#c)'/>" * 20_000
    )
    assert isinstance(static_svg(f'<svg xmlns="http://www.w3.org/2000/svg">{inside}</svg>'), str)


def test_a_picture_of_too_many_pixels_is_left_out() -> None:
    wide = PIXEL[:16] + (100_000).to_bytes(4, "big") * 2 + PIXEL[24:]
    for data, stays in ((PIXEL, True), (wide, False), (PIXEL[:20], False)):
        assert ("image/png" in safe_forms({"image/png": base64.b64encode(data).decode()})) is stays


@pytest.mark.parametrize(
    "value", [10**5000, [10**5000], {"a": -(10**5000)}], ids=["bare", "in a list", "in an object"]
)
def test_an_integer_that_python_cannot_write_is_left_out(value: object) -> None:
    assert "left out" in json.dumps(safe_forms({"application/json": value}))
    assert safe_forms({"application/json": 10**1000}) == {"application/json": 10**1000}


@pytest.mark.parametrize("level", [7, 10**10, 10**15])
def test_an_old_heading_is_not_written_as_deep_as_it_says(level: int) -> None:
    def notebook(level: int) -> bytes:
        heading: dict[str, Any] = {
            "cell_type": "heading",
            "level": level,
            "source": "x",
            "metadata": {},
        }
        old: dict[str, Any] = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}}
        return json.dumps({**old, "worksheets": [{"cells": [heading]}]}).encode()

    assert isinstance(read_notebook(notebook(level)), LeftOut)
    assert isinstance(read_notebook(notebook(2)), dict)


@pytest.mark.parametrize(
    ("field", "bad", "good"),
    [
        ("file_extension", "/../../x.py", ".py"),
        ("file_extension", "x", ".txt"),
        ("file_extension", ".a/b", ".c99"),
        ("name", "../../x", "C++"),
        ("mimetype", "text/html;x=<", "text/x-python"),
        ("pygments_lexer", "a:b", "ipython3"),
    ],
)
def test_a_kernel_says_of_its_language_only_words(field: str, bad: str, good: str) -> None:
    def told(value: str) -> Any:
        made = safe_content("kernel_info_reply", {"language_info": {"version": "1", field: value}})
        assert isinstance(made, dict)
        return made["language_info"].get(field)

    assert told(bad) is None
    assert told(good) == good


@pytest.mark.parametrize("kind", [[], {}, None, 1])
def test_a_message_without_a_type_is_left_out(kind: object) -> None:
    assert isinstance(safe_content(kind, {}), LeftOut)
