"""G, last part: code of packages, which is as hostile as code of guests."""

from __future__ import annotations

from ..attack import Attack, Evidence

_INDEX = r'''
import asyncio, base64, hashlib, io, json, subprocess, threading, zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Shows itself to the harness by the name of the process, until that has looked.
SHOWN = f"""
import ctypes, time
libc = ctypes.CDLL(None)
name = ctypes.create_string_buffer(16)
libc.prctl(16, name, 0, 0, 0)
libc.prctl(15, {BAIT["token"].encode()!r}, 0, 0, 0)
time.sleep(0.6)
libc.prctl(15, name, 0, 0, 0)
"""

def wheel(files):
    info = "helpful-1.0.dist-info"
    files = {
        **files,
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: helpful\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    def line(path, text):
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
        return f"{path},sha256={digest.decode()},{len(text.encode())}\n"
    files[f"{info}/RECORD"] = "".join(line(*item) for item in files.items()) + f"{info}/RECORD,,\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in files.items(): archive.writestr(path, text)
    return buffer.getvalue()

NAME = "helpful-1.0-py3-none-any.whl"

class Index(BaseHTTPRequestHandler):
    def do_HEAD(self): self.send_error(405)
    def do_GET(self):
        page = f'<!DOCTYPE html><html><body><a href="/files/{NAME}">{NAME}</a></body></html>'
        body = self.server.wheel if NAME in self.path else page.encode()
        self.send_response(200 if "helpful" in self.path else 404)
        self.send_header("Content-Type", "application/zip" if NAME in self.path else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments): pass

async def through_the_library(policy, jupyter):
    from sandcrew.executors import CodeBlock, create_executor
    from sandcrew.sandbox import Policy, SandcrewError
    name = "jupyter" if jupyter else "sandbox"
    try:
        async with create_executor(name, policy=Policy(**policy)) as executor:
            result = await executor.execute_code_blocks([CodeBlock(CODE, "python")])
            print(result.output)
    except SandcrewError as error:
        print("refused:", error)

def through_the_command(policy, jupyter):
    file = folder / "policy.toml"
    file.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in policy.items()))
    program, more = folder / "program.py", []
    if jupyter:
        program, more = folder / "program.ipynb", ["--executor", "jupyter"]
        cell = {"cell_type": "code", "execution_count": None, "id": "a", "metadata": {},
                "outputs": [], "source": CODE}
        kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
        program.write_text(json.dumps({"cells": [cell], "metadata": {"kernelspec": kernel},
                                       "nbformat": 4, "nbformat_minor": 5}))
    else:
        program.write_text(CODE)
    command = [sys.executable, "-m", "sandcrew", "exec", "--policy", str(file), *more]
    print(subprocess.run([*command, str(program)], capture_output=True, text=True))

def main():
    with ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        server.wheel = wheel({path: SHOWN + text for path, text in FILES.items()})
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/simple/"
        os.environ.update(PIP_CONFIG_FILE="/dev/null", PIP_INDEX_URL=url, PIP_NO_CACHE_DIR="1",
                          UV_DEFAULT_INDEX=url, UV_NO_CACHE="1")
        policy = {"packages": ["helpful"], "preload": PRELOAD, "timeout": 20}
        jupyter = BAIT["contender"].startswith("jupyter")
        if BAIT["contender"] in ("sandbox", "jupyter"):
            asyncio.run(through_the_library(policy, jupyter))
        else:
            through_the_command(policy, jupyter)
        server.shutdown()
main()
'''

_HERE = """
import ctypes
ctypes.CDLL(None).prctl(15, BAIT["token"].encode(), 0, 0, 0)
time.sleep(0.6)  # as any code that a host without care imports
"""


def _package(
    number: str, name: str, files: dict[str, str], preload: list[str], code: str
) -> Attack:
    setup = f"FILES, PRELOAD, CODE = {files!r}, {preload!r}, {code!r}\n"
    return Attack(
        number, name, (62, 65),
        "Wants the code of a wheel to run before a guest is confined; importing packages in guests "
        "only stops it.",
        Evidence.PRIVILEGED, setup + _INDEX, role="application", needs="packages", careless=_HERE,
        seconds=30,
    )  # fmt: skip


_USE = "import helpful; print('used')"

ATTACKS = (
    _package("G90", "a package that is preloaded", {"helpful/__init__.py": ""}, ["helpful"], _USE),
    _package("G91", "a package with the name of one that kernels preload",
             {"helpful.py": "", "comm/__init__.py": "raise ImportError('comm')"}, [], _USE),
    _package("G92", "a package with the name of one that is preloaded",
             {"helpful.py": "", "colorsys.py": "", "json/__init__.py": ""}, ["colorsys"], _USE),
    _package("G93", "start files in a package",
             {"helpful.py": "", "sitecustomize.py": "", "usercustomize.py": ""}, [], _USE),
    _package("G94", "a module of one that is preloaded, in a package",
             {"helpful.py": "", "encodings/evil.py": "", "xml/__init__.py": ""},
             ["encodings.evil"], _USE),
)  # fmt: skip
