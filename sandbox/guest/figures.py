"""A backend of matplotlib that shows a figure by sending its picture to the host.

It is chosen when pyplot is imported. The variable MPLBACKEND would name it to programs that a cell
starts as well, and these could not import it.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Any, Callable, Iterator

FigureCanvas: Any = None
"""What a backend must have, from the time it is chosen."""

_show_value: Callable[[Any], object] = repr


def show_with(display: Callable[[Any], object]) -> None:
    """Let figures be shown by ``display``, unless the environment names an unusual backend."""
    global _show_value
    _show_value = display
    if os.environ.get("MPLBACKEND", "agg").lower() != "agg":  # which this one is, but for show()
        return
    if "matplotlib.pyplot" in sys.modules:
        _choose()
    else:
        sys.meta_path.insert(0, _AtImport())


class _AtImport:
    """A finder of modules that finds none, and hears of the import of pyplot."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "matplotlib.pyplot":
            sys.meta_path.remove(self)
            _choose()


def _choose() -> None:
    global FigureCanvas
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvas = FigureCanvasAgg
    matplotlib.use(f"module://{__name__}")


def show(*_: object, **__: object) -> None:
    """What ``matplotlib.pyplot.show()`` calls."""
    for figure in take_open():
        _show_value(figure)


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
