"""E: the network. Nothing is sent beyond this machine: a route is asked for, not used."""

from __future__ import annotations

from ..attack import Attack, Evidence

_HEARD, _CLAIM = Evidence.HEARD, Evidence.CLAIM
_EMPTY = "an empty network namespace stops it."

_CONNECT = """
import socket
def talk(family, kind, address, protocol=0):
    with socket.socket(family, kind, protocol) as sock:
        sock.settimeout(2)
        sock.connect(address)
        sock.send(b"hello")
"""


def _talk(
    number: str, name: str, catalogue: tuple[int, ...], arguments: str, *requires: str
) -> Attack:
    code = f"{_CONNECT}attempt(lambda: talk({arguments}))\n"
    wants = f"Wants to speak to a service of the host; {_EMPTY}"
    return Attack(number, name, catalogue, wants, _HEARD, code, requires=requires)


def _route(number: str, name: str, catalogue: tuple[int, ...], address: str, family: int) -> Attack:
    code = f"""
import socket
def ask():
    with socket.socket({family}, socket.SOCK_DGRAM) as sock:
        sock.connect(({address!r}, 53))  # of UDP: nothing is sent
        return sock.getsockname()
found = attempt(ask)
if found: reached("by", found[0])
"""
    wants = f"Wants a route to {name.removeprefix('a route to ')}; {_EMPTY}"
    return Attack(number, name, catalogue, wants, _CLAIM, code)


ATTACKS = (
    _talk("E01", "TCP on loopback", (97, 106), '2, 1, tuple(BAIT["tcp4"])'),
    _talk("E02", "TCP on loopback of IPv6", (97, 105), '10, 1, tuple(BAIT["tcp6"])', "ipv6"),
    _talk("E03", "TCP by the name localhost", (97,), '2, 1, ("localhost", BAIT["tcp4"][1])'),
    _talk("E04", "TCP to 0.0.0.0", (100, 106), '2, 1, ("0.0.0.0", BAIT["any4"][1])'),
    _talk("E05", "TCP to 127.1.2.3", (100, 106), '2, 1, ("127.1.2.3", BAIT["any4"][1])'),
    _talk("E06", "TCP to a number", (100,), '2, 1, ("2130706433", BAIT["tcp4"][1])'),
    _talk("E07", "TCP to IPv4 mapped into IPv6", (100, 105),
          '10, 1, ("::ffff:127.0.0.1", BAIT["tcp4"][1])', "ipv6"),
    _talk("E08", "TCP to the host's own name", (106,),
          '2, 1, (BAIT["hostname"], BAIT["any4"][1])'),
    _talk("E09", "multipath TCP", (97, 105), '2, 1, tuple(BAIT["tcp4"]), 262'),
    _talk("E10", "UDP on loopback", (105,), '2, 2, tuple(BAIT["udp4"])'),
    _talk("E11", "UDP on loopback of IPv6", (105,), '10, 2, tuple(BAIT["udp6"])', "ipv6"),
    _talk("E12", "abstract socket", (56,), '1, 1, BAIT["abstract"].encode()'),
    _talk("E13", "abstract datagram socket", (56,), '1, 2, BAIT["abstract_datagram"].encode()'),
    _talk("E14", "socket by its path", (54, 55), '1, 1, BAIT["path"]'),
    _talk("E15", "datagram socket by its path", (54, 55), '1, 2, BAIT["path_datagram"]'),
    _talk("E16", "socket by way of /proc/PID/root", (54, 46),
          '1, 1, f"/proc/{BAIT[\'owner\']}/root{BAIT[\'path\']}"'),
    Attack(
        "E17", "TCP by a shell", (97,), f"Wants /dev/tcp of bash, past all of Python; {_EMPTY}",
        _HEARD, "PORT=$(echo $BAIT_TCP4 | tr -dc '0-9,' | cut -d, -f2)\n"
        "timeout 3 bash -c \"echo hello > /dev/tcp/127.0.0.1/$PORT\" 2>&1\n",
        language="bash", requires=("bash",),
    ),
    Attack(
        "E18", "data in the first packet", (97,),
        f"Wants sendto(MSG_FASTOPEN), which needs no connect(2); {_EMPTY}",
        _HEARD, """
import socket
def talk():
    with socket.socket() as sock: sock.sendto(b"hello", 0x20000000, tuple(BAIT["tcp4"]))
attempt(talk)
""",
    ),
    Attack(
        "E19", "data in a question to a name server", (98,),
        "Wants to carry a secret out in a name; no resolver may be in reach.",
        _HEARD, """
import socket
name = b"".join(bytes([len(part)]) + part for part in (b"c2VjcmV0", b"example", b"invalid"))
question = bytes([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]) + name + bytes([0, 0, 1, 0, 1])
def ask():
    with socket.socket(2, 2) as sock: sock.sendto(question, tuple(BAIT["udp4"]))
attempt(ask)
""",
    ),
    Attack(
        "E20", "HTTP without the proxy", (97,),
        "Wants a page with all proxy variables removed; no route but the proxy stops it.",
        _HEARD, """
import urllib.request
for name in list(os.environ):
    if "proxy" in name.lower(): del os.environ[name]
attempt(lambda: urllib.request.urlopen(f"http://127.0.0.1:{BAIT['tcp4'][1]}/", timeout=1))
""",
    ),
    Attack(
        "E21", "a descriptor given away", (54, 60),
        "Wants to pass its own output to a service of the host (SCM_RIGHTS); no such socket in "
        "reach stops it.",
        _HEARD, """
import socket
def give():
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(BAIT["abstract"].encode())
        socket.send_fds(sock, [b"take"], [1])
attempt(give)
""",
    ),
    _route("E22", "a route to metadata of the cloud", (52,), "169.254.169.254", 2),
    _route("E23", "a route to a public resolver", (98,), "8.8.8.8", 2),
    _route("E24", "a route to a private network", (99, 106), "10.0.0.1", 2),
    _route("E25", "a route to the internet by IPv6", (105,), "2001:4860:4860::8888", 10),
    Attack(
        "E26", "a service for the host", (108,),
        "Wants to be spoken to on a port of the host; an own network namespace stops it.",
        Evidence.REACHABLE, """
import socket, time
def serve():
    server = socket.create_server(("127.0.0.1", BAIT["free_port"]))
    time.sleep(1)
attempt(serve)
""",
    ),
    Attack(
        "E27", "a service on all addresses", (108,),
        "Wants to be spoken to from anywhere; an own network namespace stops it.",
        Evidence.REACHABLE, """
import socket, time
def serve():
    server = socket.create_server(("0.0.0.0", BAIT["free_port"]))
    time.sleep(1)
attempt(serve)
""",
    ),
    Attack(
        "E28", "pings", (105,), f"Wants to carry data in ICMP (socket made, not used); {_EMPTY}",
        _CLAIM, """
import socket
for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
    if attempt(socket.socket, 2, kind, 1): reached(kind.name); break
""",
    ),
    Attack(
        "E29", "the socket of Docker", (54,),
        "Wants the daemon that can do everything; a view of files without it stops it.",
        _CLAIM, """
import socket
for path in ("/var/run/docker.sock", "/run/podman/podman.sock", "/run/containerd/containerd.sock"):
    with socket.socket(socket.AF_UNIX) as sock:
        if sock.connect_ex(path) == 0: reached(path)
""",
    ),
    Attack(
        "E30", "the routes of the host", (105,),
        "Wants to know the networks around it; a network namespace of its own stops it.",
        _CLAIM, """
if len(read("/proc/net/route").splitlines()) > 1: reached()
""",
    ),
)  # fmt: skip
