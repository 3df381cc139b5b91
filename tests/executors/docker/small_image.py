"""An image of a few files, as archives and registries have it (Docker Image Specification v1.2)."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from dataclasses import dataclass
from typing import Any

NATIVE = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]


@dataclass(frozen=True)
class SmallImage:
    """One layer with ``files``, for machines of one ``architecture``."""

    files: dict[str, bytes]
    architecture: str = NATIVE

    @property
    def layer(self) -> bytes:
        return _tar(self.files)

    @property
    def config(self) -> bytes:
        settings: dict[str, Any] = {
            "architecture": self.architecture,
            "os": "linux",
            "config": {"Env": ["PATH=/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(self.layer)]},
        }
        return json.dumps(settings).encode()

    def archive(self, tag: str) -> bytes:
        """What ``docker save`` gives."""
        manifest = [{"Config": "config.json", "RepoTags": [tag], "Layers": ["layer.tar"]}]
        return _tar(
            {
                "config.json": self.config,
                "manifest.json": json.dumps(manifest).encode(),
                "layer.tar": self.layer,
            }
        )


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o755
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()
