"""A registry that has one image, for engines to pull from (OCI Distribution Specification)."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .small_image import SmallImage, digest

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar"


@contextmanager
def registry_of(image: SmallImage) -> Generator[str]:
    """The name by which an engine of this machine can pull the image."""
    manifest = _manifest(image)
    answers = {
        "/v2/": (b"{}", "application/json"),
        f"/v2/small/blobs/{digest(image.config)}": (image.config, "application/octet-stream"),
        f"/v2/small/blobs/{digest(image.layer)}": (image.layer, "application/octet-stream"),
        "/v2/small/manifests/1": (manifest, _MANIFEST),
        f"/v2/small/manifests/{digest(manifest)}": (manifest, _MANIFEST),
    }

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body, kind = answers.get(self.path, (b"{}", ""))
            self.send_response(200 if kind else 404)
            self.send_header("Content-Type", kind or "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Docker-Content-Digest", digest(body))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002
            pass

    # Engines take 127.0.0.0/8 without TLS.
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}/small:1"
        finally:
            server.shutdown()
            thread.join()


def _manifest(image: SmallImage) -> bytes:
    def part(kind: str, data: bytes) -> dict[str, Any]:
        return {"mediaType": kind, "size": len(data), "digest": digest(data)}

    whole: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": part(_CONFIG, image.config),
        "layers": [part(_LAYER, image.layer)],
    }
    return json.dumps(whole).encode()
