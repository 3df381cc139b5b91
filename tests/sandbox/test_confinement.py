"""What code in a sandbox cannot do. Each attack is first seen to work without one.

An attack is a small program that prints ``REACHED`` when it got what it wanted.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from sandcrew.sandbox import CodeResult, Policy, Sandbox


def run_unconfined(code: str) -> str:
    """The positive control: the same program as an ordinary child process of the caller."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=False
    )
    return done.stdout


async def run_confined(policy: Policy, code: str) -> CodeResult:
    async with Sandbox(policy.replace(timeout=20)) as box:
        result = await box.run(code)
    assert not result.timed_out, result.output
    return result


async def assert_only_confinement_stops(policy: Policy, code: str) -> None:
    assert "REACHED" in run_unconfined(code)
    assert "REACHED" not in (await run_confined(policy, code)).output


async def test_the_environment_of_the_caller_cannot_be_read(
    policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEY", "sk-bait")
    await assert_only_confinement_stops(
        policy,
        """
import glob, os
found = os.environ.get("API_KEY", "").encode()
for path in glob.glob("/proc/*/environ"):
    try: found += open(path, "rb").read()
    except OSError: pass
if b"sk-" + b"bait" in found: print("REACHED")
""",
    )


async def test_files_of_the_caller_cannot_be_read(policy: Policy, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("bait")
    path = str(tmp_path / "key")
    await assert_only_confinement_stops(
        policy,
        f"""
for path in ({path!r}, "/proc/self/root" + {path!r}, "/proc/1/root" + {path!r}, "/etc/machine-id"):
    try:
        if open(path).read(): print("REACHED", path)
    except OSError: pass
""",
    )


async def test_the_home_of_the_caller_is_not_there(policy: Policy) -> None:
    home = Path.home()
    with tempfile.NamedTemporaryFile(dir=home, prefix=".sandcrew-bait-") as bait:
        code = f"""
import os
try:
    if {Path(bait.name).name!r} in os.listdir({str(home)!r}): print("REACHED")
except OSError: pass
"""
        await assert_only_confinement_stops(policy, code)


async def test_no_other_process_can_be_seen_or_signalled(policy: Policy) -> None:
    victim = subprocess.Popen(["sleep", "60"])
    code = f"""
import os
try:
    if {str(victim.pid)!r} in os.listdir("/proc"): print("REACHED")
except OSError: pass
try: os.kill({victim.pid}, 0); print("REACHED")
except OSError: pass
"""
    try:
        assert "REACHED" in run_unconfined(code)
        if victim.pid <= 10:
            pytest.skip("the victim's pid could be one of the guest's")
        assert "REACHED" not in (await run_confined(policy, code)).output
    finally:
        victim.kill()
        victim.wait()


@pytest.mark.parametrize("kind", ["tcp4", "tcp6", "udp", "abstract", "path"])
async def test_no_listener_of_the_host_can_be_reached(
    policy: Policy, kind: str, tmp_path: Path
) -> None:
    baits: dict[str, tuple[socket.AddressFamily, Any]] = {
        "tcp4": (socket.AF_INET, ("127.0.0.1", 0)),
        "tcp6": (socket.AF_INET6, ("::1", 0)),
        "udp": (socket.AF_INET, ("127.0.0.1", 0)),
        "abstract": (socket.AF_UNIX, f"\0sandcrew-test-{os.getpid()}"),
        "path": (socket.AF_UNIX, str(tmp_path / "sock")),
    }
    family, address = baits[kind]
    transport = socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM
    with socket.socket(family, transport) as bait:
        bait.bind(address)
        if kind != "udp":
            bait.listen()
        where = bait.getsockname()
        code = f"""
import socket
sock = socket.socket({int(family)}, {int(transport)})
sock.settimeout(3)
try:
    sock.connect({where!r})
    sock.send(b"hello")
    print("SENT")
except OSError as error: print(error)
"""

        def heard() -> bool:
            bait.settimeout(0.3)
            try:
                if kind == "udp":
                    return bool(bait.recv(10))
                bait.accept()[0].close()
            except TimeoutError:
                return False
            return True

        run_unconfined(code)
        assert heard()
        await run_confined(policy, code)
        assert not heard()


async def test_an_inherited_descriptor_is_not_there(policy: Policy, tmp_path: Path) -> None:
    (tmp_path / "open").write_text("bait")
    fd = os.open(tmp_path / "open", os.O_RDONLY)
    os.set_inheritable(fd, True)
    code = """
import os
for fd in range(3, 1000):
    try:
        if b"bait" in os.pread(fd, 10, 0): print("REACHED")
    except OSError: pass
"""
    try:
        child = subprocess.run(
            [sys.executable, "-c", code], pass_fds=[fd], capture_output=True, check=True
        )
        assert b"REACHED" in child.stdout
        assert "REACHED" not in (await run_confined(policy, code)).output
    finally:
        os.close(fd)


async def test_nothing_of_the_host_can_be_written(policy: Policy, tmp_path: Path) -> None:
    await assert_only_confinement_stops(
        policy,
        f"""
import os
for folder in ({str(tmp_path)!r}, "/usr/lib", "/etc", "/", "/proc/sys/kernel", "/var"):
    try:
        path = os.path.join(folder, "sandcrew-attack")
        open(path, "w").close()
        os.unlink(path)
        print("REACHED", folder)
    except OSError: pass
""",
    )


_C_CALLS = {
    "a nested user namespace": "libc.unshare(0x10000000)",
    "a nested user namespace by clone": "libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0)",
    "keys of the kernel": "libc.syscall(250, 0, -3, 1, 0, 0)",
    "ptrace": "ptrace_child()",
    "perf or bpf or userfaultfd": "max(libc.syscall(323, 0x80001), libc.syscall(425, 4, buffer))",
    "a netlink socket": "libc.socket(16, 3, 0)",
    "a vsock": "libc.socket(40, 1, 0)",
    "a kernel crypto socket": "libc.socket(38, 5, 0)",
    "handles of files": 'libc.syscall(303, -100, b"/usr", handle, buffer, 0)',
    "memory of another process": "libc.syscall(310, os.getpid(), iov, 1, iov, 1, zero)",
    "the mount API": 'libc.syscall(428, -100, b"/tmp", 0)',
}

_C_PRELUDE = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
buffer = ctypes.create_string_buffer(4096)
handle = ctypes.create_string_buffer(b"\\x78\\0\\0\\0" + bytes(4092), 4096)
class IOV(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]
zero = ctypes.c_ulong(0)
iov = ctypes.byref(IOV(ctypes.addressof(buffer), 8))
def ptrace_child():
    pid = os.fork()
    if pid == 0:
        import time
        time.sleep(5)
        os._exit(0)
    answer = libc.ptrace(0x4206, pid, 0, 0)
    os.kill(pid, 9)
    return answer
"""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="system call numbers of x86-64")
@pytest.mark.parametrize("what", _C_CALLS)
async def test_a_system_call_that_only_attackers_need_is_refused(policy: Policy, what: str) -> None:
    code = f"""{_C_PRELUDE}
print('REACHED' if ({_C_CALLS[what]}) >= 0 else os.strerror(ctypes.get_errno()))"""
    unconfined = run_unconfined(code)
    if unconfined in ("Function not implemented\n", "Address family not supported by protocol\n"):
        pytest.skip("this kernel was built without it")
    assert "REACHED" in unconfined
    assert "REACHED" not in (await run_confined(policy, code)).output


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="int 0x80 is of x86")
async def test_the_other_system_call_table_of_the_processor_is_closed(policy: Policy) -> None:
    """``int 0x80`` numbers calls differently: 20 is getpid there and writev here."""
    code = """
import ctypes, mmap, os
page = mmap.mmap(-1, 4096, prot=7)
page.write(bytes.fromhex("b814000000cd80c3"))  # mov eax, 20; int 0x80; ret
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
if ctypes.CFUNCTYPE(ctypes.c_int)(address)() == os.getpid(): print("REACHED")
"""
    if "REACHED" not in run_unconfined(code):
        pytest.skip("this kernel has no 32-bit system calls")
    assert "REACHED" not in (await run_confined(policy, code)).output


async def test_the_first_process_of_the_guest_cannot_be_read_or_killed_by_the_program(
    policy: Policy,
) -> None:
    result = await run_confined(
        policy,
        """
import os, signal
first = os.getppid()
for name in ("mem", "environ", "maps", "fd", "cwd"):
    path = f"/proc/{first}/{name}"
    try:
        os.listdir(path) if path.endswith("fd") else os.readlink(path) if path.endswith("cwd") \\
            else open(path, "rb").read(1)
        print("REACHED", path)
    except OSError: pass
for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP):
    try: os.kill(first, number)
    except PermissionError: pass
print("alive")
""",
    )
    assert result.output == "alive\n"
    assert result.exit_code == 0


async def test_a_program_has_no_capability_and_can_get_none(policy: Policy) -> None:
    result = await run_confined(
        policy,
        """
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(*[status[key].strip() for key in ("CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs")])
print(status["Uid"].split(), status["Gid"].split())
""",
    )
    zero = "0" * 16
    ids = ["1000"] * 4
    assert result.output == f"{zero} {zero} {zero} {zero} 1\n{ids} {ids}\n"


async def test_programs_know_nothing_of_the_zygote_or_of_each_other(policy: Policy) -> None:
    async with Sandbox(policy.replace(timeout=20)) as box:
        await box.run("open('/tmp/left', 'w'); open('/dev/shm/left', 'w')")
        result = await box.run("""
import os
print(os.path.exists("/tmp/left"), os.path.exists("/dev/shm/left"))
print(sorted(int(name) for name in os.listdir("/proc") if name.isdigit()), os.getpid())
print(sorted(os.listdir("/proc/self/fd")))
""")
    assert result.output == "False False\n[1, 2] 2\n['0', '1', '2', '3']\n"


async def test_a_fork_bomb_hits_the_process_limit(policy: Policy) -> None:
    code = """
import os, sys
children = 0
try:
    while children < 500:
        if os.fork() == 0:
            import time; time.sleep(30); os._exit(0)
        children += 1
except OSError as error: print(children, error.strerror)
"""
    async with Sandbox(policy.replace(processes=20)) as box:
        result = await box.run(code)
        again = await box.run("print('usable')")
    count, _, reason = result.output.partition(" ")
    assert int(count) <= 20
    assert "unavailable" in reason
    assert again.output == "usable\n"


async def test_memory_beyond_the_limit_is_refused(policy: Policy) -> None:
    result = await run_confined(policy.replace(memory="200MiB"), "bytearray(300 << 20)")
    assert result.exit_code == 1
    assert "MemoryError" in result.stderr


@pytest.mark.parametrize("folder", ["/workspace", "/tmp", "/dev/shm", "/home/sandbox"])
async def test_a_full_disk_is_the_programs_problem(policy: Policy, folder: str) -> None:
    code = f"""
import errno
try:
    for number in range(10):
        with open(f"{folder}/{{number}}", "wb") as file:
            for _ in range(4): file.write(bytes(1 << 20)); file.flush()
except OSError as error: print(errno.errorcode[error.errno], number)
"""
    result = await run_confined(policy.replace(disk="8MiB"), code)
    assert result.output.startswith("ENOSPC")


async def test_a_million_files_hit_the_inode_limit(policy: Policy) -> None:
    code = """
try:
    for number in range(1_000_000): open(f"/workspace/{number}", "w").close()
except OSError as error: print(error.strerror)
"""
    result = await run_confined(policy.replace(disk="8MiB"), code)
    assert result.output == "No space left on device\n"


async def test_the_private_loopback_works_and_leads_nowhere(policy: Policy) -> None:
    result = await run_confined(
        policy,
        """
import socket
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname())
print("own")
try: socket.create_connection(("192.0.2.1", 80), timeout=3); print("REACHED")
except OSError as error: print(error.strerror)
""",
    )
    assert result.output == "own\nNetwork is unreachable\n"


async def test_the_network_of_the_host_is_there_only_by_name(policy: Policy) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = f"import socket; socket.create_connection({server.getsockname()!r}); print('in')"
        result = await run_confined(policy.replace(network="host"), code)
        assert result.output == "in\n"
        assert "network-namespace" not in result.isolation
