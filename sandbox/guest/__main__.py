"""``python -I …/guest/__main__.py FD``: start the guest on the socket FD.

The folder is loaded as a package under a name of its own, so that it works in any interpreter,
with nothing of the project installed, and no module of the code it will run is hidden by it.
"""

import os
import sys
import types


def _load() -> types.ModuleType:
    name = "_sandcrew_guest"
    package = types.ModuleType(name)
    package.__path__ = [os.path.dirname(os.path.abspath(__file__))]
    sys.modules[name] = package
    return __import__(name + ".zygote", fromlist=["main"])


if __name__ == "__main__":
    _load().main(int(sys.argv[1]))
