"""A backend of matplotlib that shows a figure by sending its picture to the host.

It is chosen by name (``module://…`` in MPLBACKEND); matplotlib is not imported before it asks.
"""

from __future__ import annotations

import io
from typing import Any, Callable, Iterator

show_value: Callable[[Any], None] = repr
"""How a value is displayed; a session puts its own way here."""


def __getattr__(name: str) -> Any:
    if name == "FigureCanvas":
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        return FigureCanvasAgg
    raise AttributeError(name)


def show(*_: object, **__: object) -> None:
    """What ``matplotlib.pyplot.show()`` calls."""
    for figure in take_open():
        show_value(figure)


def take_open() -> Iterator[Any]:
    """All open figures, in the order in which they were made; each is closed when given."""
    from matplotlib._pylab_helpers import Gcf

    for manager in list(Gcf.figs.values()):
        figure = manager.canvas.figure
        Gcf.destroy(manager)
        if figure.axes or figure.lines or figure.texts or figure.images:
            yield figure


def png(figure: Any) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", bbox_inches="tight")
    return file.getvalue()
