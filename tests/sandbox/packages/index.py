"""A package index on loopback (PEP 503), over real HTTP, with wheels made here."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import threading
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence


def wheel(
    name: str,
    version: str = "1.0",
    *,
    body: str = "",
    requires: Sequence[str] = (),
    more: Mapping[str, str] | None = None,
) -> tuple[str, bytes]:
    """File name and bytes of a pure wheel (PEP 427) with one module and one script.

    ``more`` are further files of it, by path.
    """
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {other}\n" for other in requires)
    files = {
        f"{name}/__init__.py": f"VERSION = {version!r}\n{body}\ndef main(): print(VERSION)\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name}-say = {name}:main\n",
        **(more or {}),
    }
    record = "".join(f"{path},{_digest(text)},{len(text)}\n" for path, text in files.items())
    files[f"{info}/RECORD"] = record + f"{info}/RECORD,,\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return f"{name}-{version}-py3-none-any.whl", buffer.getvalue()


def source(name: str, version: str = "1.0", *, setup: str = "") -> tuple[str, bytes]:
    """File name and bytes of a source distribution, whose build script is ``setup``."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        entry = tarfile.TarInfo(f"{name}-{version}/setup.py")
        entry.size = len(setup)
        archive.addfile(entry, io.BytesIO(setup.encode()))
    return f"{name}-{version}.tar.gz", buffer.getvalue()


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass
class Index:
    """What it serves and what it was asked for."""

    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    asked: list[str] = field(default_factory=list[str])
    opened: threading.Event = field(default_factory=threading.Event)
    """While it is not set, files are not answered."""
    reached: threading.Event = field(default_factory=threading.Event)
    """Set once a file was asked for."""
    port: int = 0

    def add(self, *files: tuple[str, bytes]) -> None:
        self.files.update(files)

    def downloads(self, name: str) -> int:
        """How often the wheel of ``name`` was fetched, its separate metadata not counted."""
        return sum(path.startswith(f"/files/{name}-") for path in self.asked)

    def environ(self, **more: str) -> dict[str, str]:
        """Variables that lead pip and uv here, and past every setting of this machine."""
        url = f"http://127.0.0.1:{self.port}/simple/"
        return {
            "PIP_CONFIG_FILE": "/dev/null",
            "PIP_INDEX_URL": url,
            "PIP_NO_CACHE_DIR": "1",
            "PIP_RETRIES": "0",
            "UV_DEFAULT_INDEX": url,
            "UV_NO_CACHE": "1",
            **more,
        }

    def answer(self, path: str) -> tuple[int, str, bytes]:
        self.asked.append(path)
        kind, _, name = path.strip("/").partition("/")
        if kind == "files" and name in self.files:
            self.reached.set()
            self.opened.wait()
            return 200, "application/octet-stream", self.files[name]
        links = [file for file in self.files if file.startswith(name.replace("-", "_") + "-")]
        if kind != "simple" or not links:
            return 404, "text/plain", b"no such thing"
        page = "".join(f'<a href="/files/{file}">{file}</a>' for file in links)
        return 200, "text/html", f"<!DOCTYPE html><html><body>{page}</body></html>".encode()


@contextmanager
def serve() -> Generator[Index]:
    """An open index, until the end of the block."""
    index = Index()
    index.opened.set()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            # As from an index that knows neither this nor ranges: uv then takes the whole file.
            self.send_error(405)

        def do_GET(self) -> None:
            status, kind, body = index.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                self.close_connection = True  # an installer that was killed

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        index.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=[0.02])
        thread.start()
        try:
            yield index
        finally:
            index.opened.set()
            server.shutdown()
            thread.join()
