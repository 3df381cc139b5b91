"""Markup of guests: what can be seen stays, what acts goes."""

from __future__ import annotations

import pytest

from sandcrew.sandbox.intake import LeftOut
from sandcrew.sandbox.intake.forms import safe_forms, safe_outputs
from sandcrew.sandbox.intake.markup import static_html, static_markdown
from sandcrew.sandbox.intake.svg import static_svg

TABLE = (
    '<div>\n<style scoped>td{}</style><table border="1" class="dataframe"><thead><tr><th></th>'
    "<th>a</th></tr></thead><tbody><tr><td>&lt;1</td><td>2 &amp; 3</td></tr></tbody></table></div>"
)


def test_a_table_stays_as_it_is_but_for_its_style_and_class() -> None:
    plain = TABLE.replace("<style scoped>td{}</style>", "").replace(' class="dataframe"', "")
    assert static_html(TABLE) == plain


@pytest.mark.parametrize(
    "markup",
    [
        "<script>alert(1)</script>",
        "<SCRIPT SRC=//x.example/a.js></SCRIPT>",
        "<script/x>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<img src='//x.example/pixel'>",
        "<b onclick=alert(1)>x</b>",
        "<a href='javascript:alert(1)'>x</a>",
        "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
        "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
        "<svg><script>alert(1)</script></svg>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
        "<style>@import '//x.example'; b{background:url(//x.example)}</style>",
        "<b style='background:url(//x.example)'>x</b>",
        "<object data=//x.example></object><embed src=//x.example>",
        "<base href=//x.example><meta http-equiv=refresh content='0;url=//x.example'>",
        "<form action=//x.example><input><button formaction='javascript:alert(1)'>",
        "<template><script>alert(1)</script></template>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
        "<!--><script>alert(1)</script>-->",
        "<![CDATA[<script>alert(1)</script>]]>",
        "<scr<script>ipt>alert(1)</scr</script>ipt>",
        "<details open ontoggle=alert(1)>x</details>",
        "<b class='\"><script>alert(1)</script>'>x</b>",
        "<table background=//x.example><td>x",
    ],
)
def test_html_that_acts_or_fetches_does_neither_any_more(markup: str) -> None:
    made = static_html(markup)
    assert isinstance(made, str)
    assert static_html(made) == made
    active = (
        '<script <img <svg <iframe <style <a-href onclick= onerror=" ontoggle <object <embed <base '
        "<meta <form <math background"
    )
    assert not [word for word in active.split() if word.replace("-", " ") in made.lower()]


def test_elements_left_open_are_closed() -> None:
    assert static_html("<div><b>x") == "<div><b>x</b></div>"
    assert static_html("x</b></div>") == "x"


def test_a_drawing_keeps_its_shapes() -> None:
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        'width="9"><defs><path id="p" d="M 0 0"></path></defs>'
        '<use xlink:href="#p" fill="url(#g)" style="stroke: red"></use><text>a &lt; b</text></svg>'
    )
    assert (
        static_svg(svg.replace("<defs>", "<style>*{stroke-linejoin: round}</style><defs>")) == svg
    )


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        "<foreignObject><b xmlns='http://www.w3.org/1999/xhtml'>x</b></foreignObject>",
        "<rect onclick='alert(1)'/>",
        "<a href='javascript:alert(1)'><text>x</text></a>",
        "<image href='http://x.example/pixel'/>",
        "<image href='data:image/svg+xml;base64,PHN2Zz4='/>",
        "<use href='http://x.example/a.svg#b'/>",
        "<rect fill='url(http://x.example)'/>",
        "<rect style='fill: url(\"//x.example\")'/>",
        "<style>@import url(//x.example)</style>",
        "<style>rect { fill: u\\72l(//x.example) }</style>",
        "<set attributeName='href' to='javascript:alert(1)'/>",
        "<animate attributeName='href' values='javascript:alert(1)'/>",
        "<script xmlns='http://www.w3.org/1999/xhtml'>alert(1)</script>",
        "<rect xmlns:e='urn:e' e:onload='alert(1)' ONLOAD='alert(1)'/>",
    ],
)
def test_what_a_drawing_would_do_or_fetch_is_gone(inside: str) -> None:
    made = static_svg(f'<svg xmlns="http://www.w3.org/2000/svg">{inside}</svg>')
    assert isinstance(made, str)
    for word in ("alert", "x.example", "script", "foreign", "animate", "data:image/svg"):
        assert word not in made


@pytest.mark.parametrize(
    "markup",
    [
        "",
        "<svg",
        "<html/>",
        "<svg/>",
        '<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg xmlns="http://www.w3.org/2000/svg">&a;</svg>',
        "x" * (9 << 20),
    ],
)
def test_what_is_no_drawing_is_left_out(markup: str) -> None:
    assert isinstance(static_svg(markup), LeftOut)


def test_markdown_shows_html_as_text_and_fetches_nothing() -> None:
    assert static_markdown("**a** < b <script>x</script>") == "**a** < b < script>x< /script>"
    assert "![" not in str(static_markdown("![](//x.example/pixel)"))


def test_of_a_value_only_harmless_forms_are_kept() -> None:
    forms = {
        "text/plain": "x",
        "text/html": "<b onclick=x>b</b>",
        "application/javascript": "alert(1)",
        "application/vnd.plotly.v1+json": {},
        "application/vnd.jupyter.widget-view+json": {"model_id": "m"},
        "image/png": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB",
        "image/jpeg": "PHNjcmlwdD4=",
        "text/latex": "$\\href{javascript:alert(1)}{x}$",
        "application/json": {"a": 1},
    }
    assert safe_forms(forms) == {
        "text/plain": "x\n[left out: image/jpeg: it is no PNG, JPEG or GIF]\n"
        "[left out: text/latex: its LaTeX has \\href]",
        "text/html": "<b>b</b>",
        "image/png": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB",
        "application/json": {"a": 1},
    }


def test_an_output_of_which_nothing_is_left_goes() -> None:
    script = {"output_type": "display_data", "data": {"application/javascript": "alert(1)"}}
    printed = {"output_type": "stream", "name": "stdout", "text": "x"}
    assert safe_outputs([script, printed]) == [printed]
