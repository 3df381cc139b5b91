"""The border where what a guest made becomes a value of ours.

Whatever a guest made is hostile until a function of this package has taken it in: names, files,
markup, JSON, Arrow, notebooks, frames, messages of kernels, text for a terminal. Each of these
functions is *total*: any input gives a value, or :class:`LeftOut` with the reason. Each is bounded
in bytes, items and depth, and takes time that is linear in its input; what cannot be done in linear
time here is done in a child process that can be killed. Nothing of a guest reaches the host by
another way.

The package imports nothing of executors, agents or the command line, and each of its modules loads
what it needs from outside of the standard library only when it is used.
"""

from .left_out import LeftOut

__all__ = ["LeftOut"]
