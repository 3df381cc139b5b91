"""G, second part: notebooks that the host keeps, and what they show."""

from __future__ import annotations

from ..attack import Attack, Evidence

# Shows something rich in a notebook. Elsewhere it is put where a host without care finds it.
_SHOW = """
import json
def show_rich(kind, text):
    try: shell = get_ipython()
    except NameError: shell = None
    if shell is None:
        with open("shown.json", "a") as file: file.write(json.dumps([kind, text]) + "\\n")
    else:
        from IPython.display import display
        display({kind: text, "text/plain": "x"}, raw=True)
"""

_WRITE = """
import json
def outputs():
    shown = folder / "shown.json"
    lines = shown.read_text().splitlines() if shown.is_file() else []
    return [{"data": {kind: text}} for kind, text in map(json.loads, lines)]
"""

# A host without care: what was shown as it was, in the folder of the run, as the file is there.
_SAVE = (
    _WRITE
    + """
(folder / "saved.ipynb").write_text(json.dumps({"cells": [{"outputs": outputs()}]}))
"""
)

# A filter without care: the standard library's parser, over whatever comes.
_FILTER = (
    _WRITE
    + """
import html.parser
import xml.etree.ElementTree as tree
class Filter(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open = []
    def handle_starttag(self, tag, attrs): self.open.append(tag)
    def handle_endtag(self, tag):
        if tag in self.open: self.open.remove(tag)
def clean(kind, text):
    if "svg" in kind:
        root = tree.fromstring(text)
        def walk(item): return [walk(child) for child in item]
        walk(root)
    else:
        parser = Filter()
        parser.feed(text)
        parser.close()
for output in outputs():
    for kind, text in output["data"].items(): clean(kind, text)
(folder / "saved.ipynb").write_text(json.dumps({"cells": [{"outputs": outputs()}]}))
"""
)


def _kept(number: str, name: str, wants: str, evidence: Evidence, code: str) -> Attack:
    return Attack(
        number, name, (112,), wants, evidence, code, needs="notebook", careless=_SAVE,
        requires=("folder",), seconds=10,
    )  # fmt: skip


def _shown(number: str, name: str, evidence: Evidence, kind: str, text: str) -> Attack:
    wants = {
        Evidence.ACTIVE: "Wants to act in the page of who opens the notebook; an allow list of "
        "tags, attributes and schemes stops it.",
        Evidence.LOST: "Wants the host to fail over it, so that nobody has the notebook; leaving "
        "out what cannot be taken in stops it.",
        Evidence.HOST_TIME: "Wants the host to be busy with it for hours; a parser whose time is "
        "linear stops it.",
    }[evidence]
    return Attack(
        number, name, (112,), wants, evidence, f"{_SHOW}show_rich({kind!r}, {text})\n",
        needs="notebook", careless=_SAVE if evidence == Evidence.ACTIVE else _FILTER,
        requires=("folder",), seconds=10,
    )  # fmt: skip


_HTML, _SVG, _MARKDOWN = "text/html", "image/svg+xml", "text/markdown"
_ACTIVE, _LOST, _TIME = Evidence.ACTIVE, Evidence.LOST, Evidence.HOST_TIME
_THROUGH = (
    "Wants the host to write elsewhere, with its rights, when it keeps the notebook; a new file "
    "in a folder that was opened before, and a rename, stop it."
)
_STUCK = (
    "Wants the host to wait for ever when it keeps the notebook; a new file and a rename stop it."
)

ATTACKS = (
    _kept("G30", "keeps a notebook through a link", _THROUGH, Evidence.CHANGED,
          'os.symlink(BAIT["target"], "saved.ipynb")\n'),
    _kept("G31", "keeps a notebook through a link to a link", _THROUGH, Evidence.CHANGED,
          'os.symlink("../bait/authorized_keys", "x")\nos.symlink("x", "saved.ipynb")\n'),
    _kept("G32", "keeps a notebook in a new file elsewhere", _THROUGH, Evidence.CHANGED, """
os.symlink(os.path.join(os.path.dirname(BAIT["target"]), BAIT["token"]), "saved.ipynb")
"""),
    _kept("G33", "keeps a notebook in a pipe", _STUCK, _TIME, 'os.mkfifo("saved.ipynb")\n'),
    _kept("G34", "a folder where the notebook should be", _STUCK, _LOST,
          'os.makedirs("saved.ipynb/x")\n'),
    _shown("G35", "a link that is a script, in Markdown", _ACTIVE, _MARKDOWN,
           "'[click](javascript:alert(1)) [me](data:text/html,<script>alert(1)</script>)'"),
    _shown("G36", "a link that is a command, by reference", _ACTIVE, _MARKDOWN,
           "'[click][1]\\n\\n[1]: command:workbench.action.terminal.new\\n'"),
    _shown("G37", "a link that is a script, in mathematics", _ACTIVE, _MARKDOWN,
           "'$\\\\href{javascript:alert(1)}{x}$'"),
    _shown("G38", "handlers in HTML", _ACTIVE, _HTML,
           "'<p onclick=alert(1)>x</p><a href=\" java\\tscript:alert(1)\">x</a>'"),
    _shown("G39", "a page of its own style", _ACTIVE, _HTML,
           "'<style>body{display:none}</style><div class=\"jp-Dialog\" style=\"left:0\">x'"),
    _shown("G40", "a style in a picture", _ACTIVE, _SVG,
           "'<svg xmlns=\"http://www.w3.org/2000/svg\"><style>body{display:none}</style>"
           "<script>alert(1)</script><a href=\"javascript:alert(1)\"><text>x</text></a></svg>'"),
    _shown("G41", "a declaration that is none", _LOST, _HTML, "'<![x['"),
    _shown("G42", "a picture three thousand deep", _LOST, _SVG,
           "'<svg xmlns=\"http://www.w3.org/2000/svg\">' + '<g>' * 3000 + '</g>' * 3000 + '</svg>'"
           ),
    _shown("G43", "a picture that is none", _LOST, _SVG, "'<svg><' + chr(0) + '>&lol;'"),
    _shown("G44", "half a tag, for ever", _TIME, _HTML, "'<a ' * 100_000"),
    _shown("G45", "half a comment, for ever", _TIME, _HTML, "'<!--' * 100_000"),
    _shown("G46", "tags that never end", _TIME, _HTML, "'<b>' * 100_000 + '</u>' * 100_000"),
    _shown("G47", "half an attribute, for ever", _TIME, _HTML, "'<a b=\"' * 200_000"),
)  # fmt: skip
