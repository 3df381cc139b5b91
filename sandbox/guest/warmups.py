"""What libraries do at their first use, done before there is a program that waits for it.

They load the rest of themselves then and fill caches: much of what the first data frame costs that
is printed, or the first figure that is drawn.
"""

from __future__ import annotations

import contextlib

_FRAME = """
import pandas
frame = pandas.DataFrame({"n": range(9), "name": list("abcabcabc")})
str(frame.describe()), frame._repr_html_(), frame.groupby("name").sum()
"""
_FIGURE = """
import io
from matplotlib import pyplot
figure, axes = pyplot.subplots()
axes.plot([1, 2], label="line")
axes.legend()
figure.savefig(io.BytesIO(), format="png")
pyplot.close(figure)
"""
_FIRST_USES = {"pandas": _FRAME, "matplotlib": _FIGURE}


def use_first(library: str) -> None:
    """Use ``library``, if it is known what takes long there."""
    with contextlib.suppress(Exception):  # a program that needs it will be told why
        exec(_FIRST_USES.get(library, ""), {})
