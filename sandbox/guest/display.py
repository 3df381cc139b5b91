"""The rich forms of a value, by MIME type, as notebooks know them.

Objects say by methods how they look: "Rich display" in IPython's documentation.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Iterator

_METHODS = (
    ("text/html", "_repr_html_"),
    ("text/markdown", "_repr_markdown_"),
    ("text/latex", "_repr_latex_"),
    ("image/svg+xml", "_repr_svg_"),
    ("image/png", "_repr_png_"),
    ("image/jpeg", "_repr_jpeg_"),
    ("application/pdf", "_repr_pdf_"),
    ("application/json", "_repr_json_"),
    ("application/javascript", "_repr_javascript_"),
)
MOST = 12 << 20
"""Bytes of all forms of one value, as they are sent; a form that goes over it is replaced by a text
that says so."""
_LONGEST_TEXT = 1 << 20
_LONGEST_METADATA = 1 << 14
_MOST_FORMS = 32

Bundle = dict[str, Any]


def forms_of(value: Any) -> tuple[Bundle, Bundle]:
    """The forms of ``value`` and their metadata; there is always a ``text/plain``.

    A form whose method fails is left out, as IPython does.
    """
    forms: dict[str, Any] = {"text/plain": text_of(value)}
    metadata: dict[str, Any] = {}
    if isinstance(value, type) or _answers_to_anything(value):  # those of a class: its instances'
        return forms, metadata
    bundle = _call(value, "_repr_mimebundle_", include=None, exclude=None)
    _add(forms, metadata, *_with_metadata(bundle))
    for mime, method in _METHODS:
        if mime not in forms:
            form, about = _with_metadata(_call(value, method))
            _add(forms, metadata, {mime: form}, {mime: about} if about else None)
    if _is_figure(value):
        from . import figures

        forms["image/png"] = figures.png(value)
    return dict(list(forms.items())[:_MOST_FORMS]), _small(metadata)


def text_of(value: Any) -> str:
    """``repr(value)``, of which the beginning is kept; never raises for what ``repr`` does."""
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(value).__name__}: its repr() raised {type(error).__name__}>"
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + " […]"


def open_figures() -> Iterator[Any]:
    """Figures of matplotlib that were drawn and not shown; they are closed."""
    if "matplotlib._pylab_helpers" in sys.modules:
        from . import figures

        yield from figures.take_open()


def _is_figure(value: Any) -> bool:
    figure = sys.modules.get("matplotlib.figure")
    return figure is not None and isinstance(value, figure.Figure)


def _answers_to_anything(value: Any) -> bool:
    """True for mocks and proxies, which have whatever method one asks for."""
    try:
        return callable(getattr(value, "_repr_of_nothing_at_all_", None))
    except Exception:
        return False


def _call(value: Any, name: str, **options: Any) -> Any:
    try:
        method = getattr(value, name, None)
        return method(**options) if callable(method) else None
    except Exception:
        return None


def _with_metadata(answer: Any) -> tuple[Any, Any]:
    if issubclass(type(answer), tuple) and len(answer) == 2:
        form, about = answer
        return form, about
    return answer, None


def _add(forms: Bundle, metadata: Bundle, more: Any, about: Any) -> None:
    if issubclass(type(more), dict):
        forms.update((str(mime)[:100], form) for mime, form in more.items() if form is not None)
    if issubclass(type(about), dict):
        metadata.update(about)


def _small(metadata: Bundle) -> Bundle:
    """``metadata``, if it can be sent at all."""
    try:
        text = json.dumps(metadata)
        return json.loads(text) if len(text) <= _LONGEST_METADATA else {}  # 1 and "1" are one key
    except (TypeError, ValueError, RecursionError):
        return {}
