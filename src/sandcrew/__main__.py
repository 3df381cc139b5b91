"""``python -m sandcrew`` is the ``sandcrew`` command."""

from .cli import main

if __name__ == "__main__":
    main()
