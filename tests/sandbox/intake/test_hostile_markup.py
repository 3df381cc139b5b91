"""Markup that hung, filled or ended the host: total, and bounded in memory."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandcrew.benchmarks.fuzz import FuzzTarget
from sandcrew.benchmarks.fuzz.kernel_messages import TARGETS as MESSAGES
from sandcrew.benchmarks.fuzz.markup import TARGETS as MARKUP
from sandcrew.benchmarks.fuzz.notebooks import TARGETS as NOTEBOOKS
from sandcrew.sandbox.intake import LeftOut
from sandcrew.sandbox.intake.forms import safe_forms
from sandcrew.sandbox.intake.kernel_messages import safe_content
from sandcrew.sandbox.intake.markup import static_html, static_latex, static_markdown
from sandcrew.sandbox.intake.svg import static_svg

TARGETS = (*MARKUP, *MESSAGES, *NOTEBOOKS)
GROWN = """
import sys
from sandcrew.sandbox.intake.forms import safe_forms
safe_forms({kind: "x" for kind in ("text/html", "text/markdown", "text/latex", "image/svg+xml")})
def peak():
    status = open("/proc/self/status").read()
    return int(status.split("VmHWM:")[1].split()[0])
kind, unit, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
form = (unit * (size // len(unit) + 1))[:size]
if kind == "image/svg+xml":
    form = '<svg xmlns="http://www.w3.org/2000/svg">' + form + "</svg>"
before = peak()
made = safe_forms({kind: form})
print((peak() - before) >> 10)
"""


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_any_input_is_taken_in_or_left_out(target: FuzzTarget) -> None:
    @settings(
        max_examples=500,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.filter_too_much,
        ],
    )
    @given(st.deferred(target.strategy))
    def check(value: object) -> None:
        target.check(value)

    check()


@pytest.mark.parametrize("size", [(1 << 20) - 100, 8 << 20])
@pytest.mark.parametrize(
    ("kind", "unit"),
    [
        ("text/html", "<b>"),
        ("text/html", "<a "),
        ("text/html", '<a "'),
        ("text/html", "<!--"),
        ("text/html", "&"),
        ("text/html", "<table>x"),
        ("text/markdown", "[a](<b>"),
        ("text/latex", "\\alpha"),
        ("image/svg+xml", "<g/>"),
        ("image/svg+xml", "<g>"),
    ],
)
def test_megabytes_of_markup_take_little_memory(kind: str, unit: str, size: int) -> None:
    command = [sys.executable, "-c", GROWN, kind, unit, str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) <= 64


@pytest.mark.parametrize(
    "markup", ["<![x[", "<![", "<!x [", "<?", "</ ", "<a b='", "&#" + "9" * 5000]
)
def test_what_ends_within_a_tag_is_no_exception(markup: str) -> None:
    assert isinstance(static_html(markup), str)


def test_elements_nested_out_of_order_stay_few() -> None:
    made = static_html("<b>" * 8000 + "</u>" * 8000 + "end")
    assert isinstance(made, str)
    assert made.endswith("end" + "</b>" * 50)
    assert isinstance(static_html("<b>" * 60_000), LeftOut)


def test_a_drawing_nested_deep_is_left_out_and_told() -> None:
    svg = f'<svg xmlns="http://www.w3.org/2000/svg">{"<g>" * 3000}{"</g>" * 3000}</svg>'
    assert isinstance(static_svg(svg), LeftOut)
    assert "3000" not in safe_forms({"image/svg+xml": svg})["text/plain"]
    assert "left out" in safe_forms({"image/svg+xml": svg, "text/plain": "x"})["text/plain"]


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(6)",
        "JaVaScRiPt:alert(6)",
        "java&Tab;script:alert(6)",
        "javascript&colon;alert(6)",
        "&#106;avascript:alert(6)",
        "javascript\\:alert(6)",
        "<javascript:alert(6)>",
        " \n javascript:alert(6)",
        "data:text/html,x",
        "vbscript:x",
        "command:x",
        "//x.example",
        "evil.html",
    ],
)
@pytest.mark.parametrize("form", ["[c]({})", "[c]: {}\n\n[c]", "![c]({})", "> - [c]:\n {}\n\n[c]"])
def test_links_of_markdown_lead_to_the_web_only(form: str, target: str) -> None:
    from nbconvert.filters.markdown_mistune import markdown2html_mistune

    made = str(static_markdown(form.format(target)))
    page = markdown2html_mistune(made)
    assert "<a " not in page.replace('<a class="anchor-link"', "")
    assert "<img" not in page
    good = str(static_markdown(form.format("https://x.example/").replace("!", "")))
    assert 'href="https://x.example/"' in markdown2html_mistune(good)


@pytest.mark.parametrize(
    "command", ["href", "url", "class", "style", "require", "unicode", "cssId", "def", "mmlToken"]
)
def test_mathematics_that_acts_is_shown_instead(command: str) -> None:
    text = f"$\\{command}{{javascript:alert(1)}}{{x}} \\frac{{1}}{{2}}$"
    assert isinstance(static_latex(text), LeftOut)
    for take in (static_html, static_markdown):
        made = str(take(text))
        assert f"\\{command}" not in made
        assert "\\frac{1}{2}" in made
    hidden = text.replace("\\", "&#92;").replace("$", "&#36;")
    assert f"\\{command}" not in str(static_html(hidden))
    assert "&#92;" not in str(static_markdown(hidden)).replace("&amp;", "")


def test_what_a_kernel_says_of_itself_names_no_code() -> None:
    info = {"name": "python", "version": "3.11", "nbconvert_exporter": "evilmod.Exporter", "x": 1}
    content = {"language_info": info, "banner": "a\x1b]0;x\x07b", "help_links": [{"url": "x"}]}
    made = safe_content("kernel_info_reply", content)
    assert isinstance(made, dict)
    assert made["language_info"] == {"name": "python", "version": "3.11"}
    assert (made["banner"], made["help_links"]) == ("a]0;xb", [])
    assert isinstance(safe_content("comm_open", {}), LeftOut)
