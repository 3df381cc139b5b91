"""An HTML page of a table of ours, without anything from elsewhere, on which no script can run."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --quiet: #888; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; padding: 0 1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; }
tr { border-bottom: 1px solid var(--line); }
"""


def as_page(title: str, style: str, opening: str, body: Iterable[str]) -> str:
    """The page; ``style``, ``opening`` and ``body`` are taken as they are."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{escape(title)}</title>
<style>{_STYLE}{style.lstrip()}</style>
</head>
<body>
{opening}{"".join(body)}</body>
</html>
"""
