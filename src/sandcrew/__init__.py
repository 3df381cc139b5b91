"""sandcrew runs the code that agents write."""

__version__ = "0.1.0"
