"""``python -I …/guest/__main__.py FD``: start the guest on the socket FD, or at the path FD.

The folder, or zip file, is loaded as a package under a name of its own, so that it works in any
interpreter, with nothing of the project installed, and no module of the code it will run is
hidden by it.
"""

import _socket as socket
import os
import sys
import types


def _load() -> types.ModuleType:
    name = "_sandcrew_guest"
    package = types.ModuleType(name)
    package.__path__ = [os.path.dirname(os.path.abspath(__file__))]
    sys.modules[name] = package
    return __import__(name + ".zygote", fromlist=["main"])


def _connect(where: str) -> int:
    if where.isdigit():
        return int(where)
    host = socket.socket(socket.AF_UNIX)
    host.connect(where)
    return host.detach()


if __name__ == "__main__":
    if sys.version_info < (3, 9):
        sys.exit("Python 3.9 or later is needed, and this is %d.%d" % sys.version_info[:2])
    _load().main(_connect(sys.argv[1]))
