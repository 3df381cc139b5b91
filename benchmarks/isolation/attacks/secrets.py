"""C, first half: secrets planted on the host. Each is believed when it is in the output."""

from __future__ import annotations

from ..attack import Attack, Evidence


def _secret(
    number: str, name: str, catalogue: tuple[int, ...], wants: str, code: str, *requires: str
) -> Attack:
    return Attack(number, name, catalogue, wants, Evidence.SECRET, code, requires=requires)


def _file_of_home(number: str, name: str) -> Attack:
    return _secret(
        number, f"~/{name}", (49,),
        "Wants a secret of the caller's home; a view of files without it stops it.",
        f'show(BAIT["home"] + "/{name}")\n',
    )  # fmt: skip


ATTACKS = (
    _secret(
        "C01", "environment", (45,),
        "Wants the keys among the caller's variables; a clean environment stops it.",
        "print(dict(os.environ))\n",
    ),
    _secret(
        "C02", "environment of a shell", (45,),
        "Wants the same by env(1) in a child, should only Python's view be clean.",
        'os.execvp("env", ["env"])\n',
    ),
    _secret(
        "C03", "its own first environment", (47,),
        "Wants what it was started with, which stays in memory though it was deleted.",
        'show("/proc/self/environ")\n',
    ),
    _secret(
        "C04", "environment of its parents", (46,),
        "Wants the variables of all above it; a pid namespace of its own stops it.",
        """
pid = os.getppid()
while pid:
    show(f"/proc/{pid}/environ")
    status = read(f"/proc/{pid}/status").decode()
    pid = int(status.split("PPid:")[1].split()[0]) if "PPid:" in status else 0
""",
    ),
    _secret(
        "C05", "environment of everyone", (46,),
        "Wants the variables of every process; a pid namespace of its own stops it.",
        'for pid in filter(str.isdigit, os.listdir("/proc")): show(f"/proc/{pid}/environ")\n',
    ),
    _secret(
        "C06", "command lines of everyone", (46,),
        "Wants the password that a neighbour was given as an argument.",
        'for pid in filter(str.isdigit, os.listdir("/proc")): show(f"/proc/{pid}/cmdline")\n',
        "victim",
    ),
    _secret(
        "C07", "its own memory", (47, 48),
        "Wants what it inherited of the process that made it; a clean start stops it.",
        "scan_memory('self')\n",
    ),
    _file_of_home("C08", ".ssh/id_ed25519"),
    _file_of_home("C09", ".aws/credentials"),
    _file_of_home("C10", ".docker/config.json"),
    _file_of_home("C11", ".kube/config"),
    _file_of_home("C12", ".netrc"),
    _file_of_home("C13", ".bash_history"),
    _secret(
        "C14", "the home by ~", (49,),
        "Wants all that is where the variables say the home is.",
        """
for top, _, names in os.walk(os.path.expanduser("~")):
    for name in names: show(os.path.join(top, name))
""",
    ),
    _secret(
        "C15", "the home by way of /proc/self/root", (46, 49),
        "Wants to walk around a check of path names; a root of its own stops it.",
        'show("/proc/self/root" + BAIT["home"] + "/.netrc")\n',
    ),
    _secret(
        "C16", "the home by way of another's root", (46, 49),
        "Wants the files that another process sees; a pid namespace of its own stops it.",
        """
for pid in (1, os.getppid(), BAIT["owner"]): show(f"/proc/{pid}/root{BAIT['home']}/.netrc")
""",
    ),
    _secret(
        "C17", "the home by way of ..", (61,),
        "Wants to climb out of its folder; a root of its own stops it.",
        'show("../" * 30 + BAIT["home"].lstrip("/") + "/.netrc")\n',
    ),
    _secret(
        "C18", "the home through a link", (112,),
        "Wants a link of its own to be followed to where it may not look.",
        'attempt(os.symlink, BAIT["home"], "link")\nshow("link/.netrc")\n',
    ),
    _secret(
        "C19", "a neighbour's file in /tmp", (50,),
        "Wants what lies in the host's /tmp; a private /tmp stops it.",
        'show(BAIT["sibling"])\n',
    ),
    _secret(
        "C20", "a file in /dev/shm", (95,),
        "Wants what others share in memory; a private /dev/shm stops it.",
        'show(BAIT["shm_file"])\n',
    ),
    _secret(
        "C21", "an inherited file", (60,),
        "Wants a file that the caller left open; closing all but three descriptors stops it.",
        """
for fd in range(3, 1024):
    data = attempt(os.pread, fd, 100, 0)
    if data: print(data.decode("latin-1"))
""",
    ),
    _secret(
        "C22", "an inherited folder", (61,),
        "Wants to open files below a folder that the caller left open.",
        """
for fd in range(3, 1024):
    inner = attempt(lambda: os.open(".netrc", os.O_RDONLY, dir_fd=fd))
    if inner: print(os.read(inner, 100).decode("latin-1"))
""",
    ),
    _secret(
        "C23", "above an inherited folder", (61,),
        "Wants to climb from an inherited folder up to the host's root (runc, 2024).",
        """
for fd in range(3, 1024):
    show(f"/proc/self/fd/{fd}/../../../../../../../.." + BAIT["home"] + "/.netrc")
""",
    ),
    _secret(
        "C24", "a descriptor of the caller", (46, 60),
        "Wants a file that has no name, by /proc/PID/fd; a pid namespace of its own stops it.",
        'show(f"/proc/{BAIT[\'owner\']}/fd/{BAIT[\'held_fd\']}")\n',
    ),
    _secret(
        "C25", "a descriptor taken from the caller", (65,),
        "Wants the same by pidfd_getfd(2); a filter or a pid namespace stops it.",
        """
pidfd = attempt(os.pidfd_open, BAIT["owner"])
fd = call(438, pidfd, BAIT["held_fd"], 0) if pidfd else -1
if fd >= 0: print(os.pread(fd, 100, 0).decode())
""",
    ),
    _secret(
        "C26", "the memory of the caller", (48, 65),
        "Wants the keys in the memory of the process that called; a pid namespace stops it.",
        'scan_memory(BAIT["owner"])\n',
    ),
    _secret(
        "C27", "the memory of a neighbour", (65,),
        "Wants a secret that another process only has in memory.",
        'scan_memory(BAIT["victim"])\n', "victim",
    ),
    _secret(
        "C28", "a neighbour's memory by process_vm_readv", (65,),
        "Wants the same without /proc/PID/mem; a filter or a pid namespace stops it.",
        """
class Span(ctypes.Structure): _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]
for line in read(f"/proc/{BAIT['victim']}/maps", 1 << 20).decode().splitlines():
    low, high = (int(end, 16) for end in line.split()[0].split("-"))
    if " rw" not in line: continue
    block = ctypes.create_string_buffer(min(high - low, 16 << 20))
    here, there = Span(ctypes.addressof(block), len(block)), Span(low, len(block))
    if call(310, BAIT["victim"], ctypes.byref(here), 1, ctypes.byref(there), 1, 0) > 0:
        at = block.raw.find(b"bait-")
        while at >= 0:
            print(block.raw[at:at + 37].decode("latin-1"))
            at = block.raw.find(b"bait-", at + 1)
""",
        "victim", "x86_64",
    ),
    _secret(
        "C29", "System V memory of the caller", (7, 22),
        "Wants a segment by its key; an IPC namespace of its own or no shmget stops it.",
        """
libc.shmat.restype = ctypes.c_void_p
segment = libc.shmget(BAIT["shm_key"], 0, 0)
address = libc.shmat(segment, None, 0o10000) if segment >= 0 else None
if address not in (None, 2 ** 64 - 1): print(ctypes.string_at(address, 100).decode("latin-1"))
""",
    ),
    _secret(
        "C30", "a key of the caller's keyring", (57, 76),
        "Wants what the kernel keeps for the user; a filter on request_key and keyctl stops it.",
        """
key = call(250, 10, -4, b"user", BAIT["key"].encode(), 0)  # KEYCTL_SEARCH
size = call(250, 11, key, buffer, 100) if key > 0 else 0  # KEYCTL_READ
if size > 0: print(buffer.raw[:size].decode())
""",
        "x86_64",
    ),
    _secret(
        "C31", "a file by its handle", (66, 87),
        "Wants a file by number, past all paths (open_by_handle_at); it needs a right to stop.",
        """
handle = bytes.fromhex(BAIT["handle"])
for where in ("/", ".", "/usr", "/etc/passwd", "/etc/hosts"):
    mount = attempt(os.open, where, os.O_RDONLY)
    fd = call(304, mount, ctypes.create_string_buffer(handle), 0) if mount else -1
    if fd >= 0: print(os.read(fd, 100).decode("latin-1"))
""",
        "root", "x86_64",
    ),
)  # fmt: skip
