"""A guest that is to have no network but the loopback looks whether that is so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sandcrew.sandbox.guest import routes

LOOK = """
import fcntl, os, socket, struct, sys
sys.path.insert(0, sys.argv[1])
from guest import routes
if sys.argv[2] == "up":  # netdevice(7): SIOCSIFFLAGS, IFF_UP
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, 0x8914, struct.pack("16sh14x", b"lo", 1))
try: routes.require_loopback_only(0)
except OSError as error: print(error.strerror)
else: print("nothing but the loopback")
"""
FOLDER = Path(routes.__file__).parent.parent


@pytest.mark.parametrize(
    ("state", "said"), [("down", "the loopback is down"), ("up", "nothing but the loopback")]
)
def test_a_new_namespace_is_as_wanted_once_its_loopback_is_up(state: str, said: str) -> None:
    command = ["unshare", "--user", "--map-root-user", "--net"]
    command += [sys.executable, "-I", "-c", LOOK, str(FOLDER), state]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said in done.stdout, done.stderr


def test_the_network_of_the_host_is_refused_even_while_no_route_leads_out() -> None:
    with pytest.raises(OSError, match="in the network of the host"):
        routes.require_loopback_only(Path("/proc/self/ns/net").stat().st_ino)


def test_a_way_out_is_named() -> None:
    if set(routes.interfaces()) <= {"lo"}:
        pytest.skip("this host has no network to show")
    with pytest.raises(OSError, match="there is a network"):
        routes.require_loopback_only(0)
