"""G, sixth part: applications of the library beside hostile guests: what it costs the host."""

from __future__ import annotations

from ..attack import Attack, Evidence

_FLOOD = """
import asyncio
from sandcrew.sandbox import Policy, Sandbox, SandcrewError

FLOOD = '''
import gc, json, struct, sys
from _sandcrew_guest import forking
(session,) = [o for o in gc.get_objects() if type(o).__name__ == "Session"]
sock = session._channel.sock
def fork_into(namespaces, become):
    asked = sys._getframe(2).f_locals["header"]["id"]
    number = 0
    while True:
        number += 1
        HEADER
        header = json.dumps({"fds": 0, **said}).encode()
        sock.sendall(struct.pack(">II", len(header), 0) + header)
forking.fork_into = fork_into
'''.replace("HEADER", HEADER)

async def main():
    async with Sandbox(Policy(timeout=None)) as box, box.session() as session:
        made = await session.run(FLOOD)
        assert made.exit_code == 0, made.output
        try:
            await session.branch().start()
        except SandcrewError as error:
            print(str(error)[:200])
asyncio.run(main())
"""

_KEEPER = """
import subprocess
size = 1 << 19
flood = f"import sys\\nfor n in range(2000): sys.stdout.write(str(n) + 'x' * {size} + chr(10))"
with subprocess.Popen([sys.executable, "-c", flood], stdout=subprocess.PIPE) as child:
    said = {line for line in child.stdout}
"""


def _flood(number: str, name: str, header: str) -> Attack:
    return Attack(
        number, name, (4, 34),
        "Wants memory of the host while it waits for a branch; keeping only the words that are "
        "waited for stops it.",
        Evidence.HOST_MEMORY, f"HEADER = {header!r}\n{_FLOOD}", role="application", needs="branch",
        careless=_KEEPER, seconds=20,
    )  # fmt: skip


_TABLE = """
import asyncio
from sandcrew.sandbox import Policy, Sandbox

async def main():
    async with Sandbox(Policy(memory="4GiB")) as box, box.session() as session:
        result = await session.run(CODE)
        print(result.output[-500:])
        if not hasattr(result.value, "to_pandas"):
            return print("left out:", repr(result.value)[:80])
        try:
            frame = result.value.to_pandas()
        except Exception as error:
            print(type(error).__name__, error)
asyncio.run(main())
"""


def _table(number: str, name: str, array: str) -> Attack:
    code = f"import pyarrow as pa\npa.table({{'x': {array}}})"
    return Attack(
        number, name, (4, 42),
        "Wants some hundred bytes to take gigabytes of the host's memory; counting what is nested "
        "before any of it is made stops it.",
        Evidence.HOST_MEMORY, f"CODE = {code!r}\n{_TABLE}", role="application", needs="session",
        careless=f"import pyarrow as pa\npa.table({{'x': {array}}}).to_pandas()\n",
    )  # fmt: skip


_FRONT_END = """
import json, subprocess, warnings
warnings.simplefilter("ignore")
os.environ["JUPYTER_DATA_DIR"] = str(folder.parent / "jupyter")
from jupyter_client import KernelManager

def front_end(confined):
    name = "python3"
    if confined:
        from sandcrew.executors.jupyter.kernelspecs import install
        name = install("python3").name
    manager = KernelManager(kernel_name=name)
    manager.start_kernel(cwd=str(folder))
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=20)
    return manager, client

def end(manager, client):
    client.stop_channels()
    manager.shutdown_kernel(now=True)
"""

_EXPORTER = (
    _FRONT_END
    + """
def main(confined):
    manager, client = front_end(confined)
    try:
        client.execute_interactive(CODE, timeout=20)
        info = client.kernel_info(reply=True, timeout=20)["content"]
    finally:
        end(manager, client)
    notebook = {"cells": [], "nbformat": 4, "nbformat_minor": 5,
                "metadata": {"language_info": info["language_info"]}}
    (folder / "saved.ipynb").write_text(json.dumps(notebook))
    (folder / "evilmod.py").write_text(f"open({BAIT['marker']!r}, 'w')")
    command = [sys.executable, "-m", "nbconvert", "--to", "script", "saved.ipynb"]
    subprocess.run(command, cwd=folder, capture_output=True, env={**os.environ, "PYTHONPATH": "."})
    print(info["banner"])
"""
)

_BOMBS = (
    _FRONT_END
    + """
def main(confined):
    manager, client = front_end(confined)
    kept = []
    try:
        client.execute(CODE)
        until = time.monotonic() + 12
        while time.monotonic() < until:
            try: message = client.get_iopub_msg(timeout=0.5)
            except Exception: continue
            if not confined: kept.append(message)  # without care: all of them
    finally:
        end(manager, client)
"""
)

_INFO = (
    "info = dict(get_ipython().kernel.language_info)\n"
    "info.update({}, mimetype='text/x-python', name='python')\n"
    "get_ipython().kernel.language_info = info\n"
    "type(get_ipython().kernel).banner = property(lambda self: '\\x1b]0;owned\\x07')"
)


def _exporter(number: str, name: str, keys: str) -> Attack:
    code = f"CODE = {_INFO.format(keys)!r}\n{_EXPORTER}"
    return Attack(
        number, name, (62,),
        "Wants a front end to store the name of an exporter, which nbconvert imports from the "
        "folder; passing on only known fields stops it.",
        Evidence.EXECUTED, f"{code}main(True)\n", role="application", needs="relay",
        careless=f"{code}main(False)\n", seconds=30,
    )  # fmt: skip


def _bomb(number: str, name: str, text: str) -> Attack:
    display = (
        "from IPython.display import display\n"
        f"for number in range(80): display({{'text/html': {text} + str(number)}}, raw=True)"
    )
    code = f"CODE = {display!r}\n{_BOMBS}"
    return Attack(
        number, name, (4, 34),
        "Wants memory of the front end, in which messages wait while one of them is cleaned; short "
        "queues stop it.",
        Evidence.HOST_MEMORY, f"{code}main(True)\n", role="application", needs="relay", seconds=30,
        careless=f"{code}main(False)\n",
    )  # fmt: skip


ATTACKS = (
    _flood("G80", "long words while a branch is awaited",
           'said = {"op": "x" * (1 << 19) + str(number)}'),
    _flood("G81", "many words while a branch is awaited", 'said = {"op": f"{number:0200}"}'),
    _flood("G82", "reasons while a branch is awaited",
           'said = {"op": "x" * (1 << 18) + str(number), "why": "y" * (1 << 18), "id": asked}'),
    _table("G83", "a table of nothing, eight wide",
           "pa.StructArray.from_arrays([pa.nulls(9_000_000)] * 8, names=list('abcdefgh'))"),
    _table("G84", "a table of lists of nothing",
           "pa.FixedSizeListArray.from_arrays(pa.nulls(150_000_000), 150_000_000)"),
    _table("G85", "a table of one list that is long",
           "pa.LargeListArray.from_arrays(pa.array([0, 60_000_000], pa.int64()), "
           "pa.nulls(60_000_000))"),
    _exporter("G86", "an exporter of its own", "nbconvert_exporter='evilmod.Exporter'"),
    _exporter("G87", "an exporter of its own, twice",
              "nbconvert_exporter='evilmod.Exporter', file_extension='.py', "
              "pygments_lexer='evilmod'"),
    _bomb("G88", "markup that waits", "'<b>' * 1_500_000"),
    _bomb("G89", "plain text that waits", "'x' * 8_000_000"),
)  # fmt: skip
