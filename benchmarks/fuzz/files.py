"""Names of files, files one after the other, and pictures, as guests may make them."""

from __future__ import annotations

import io
import os
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from ...sandbox.intake.files import KeptFiles
from ...sandbox.intake.folder import TargetFolder
from ...sandbox.intake.kept_names import KeptNames
from ...sandbox.intake.left_out import LeftOut
from ...sandbox.intake.names import shown_name
from ...sandbox.intake.pictures import MAX_PIXELS, SIGNATURES, read_picture
from ...sandbox.intake.tool_names import file_system_key, is_for_tools
from .target import FuzzTarget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import SearchStrategy

_PIECES = (
    ".git", "HEAD", "conftest", "setup", "Makefile", "con", "AGENTS", "pandas", "test_", "a", "A",
    "inert", "_", "-2", "..", ".", "/", "//", " ", "\n", "\x1b", "\u202e", "\u200b", "\uff0e", "\0",
    "e\u0301", "\u00e9", "\ud800", "\udcff", ".py", ".pth", ".txt", "$(id)", "x" * 200,
)  # fmt: skip
_LIMIT = 64 << 10
_HOLES = (0, 1, 4096, 30_000)


def _names() -> SearchStrategy[str]:
    from hypothesis import strategies as st

    pieces = st.sampled_from(_PIECES) | st.text(st.characters(), max_size=4)
    return st.lists(pieces, max_size=8).map("".join)


def _many_names() -> SearchStrategy[list[str]]:
    from hypothesis import strategies as st

    return st.lists(_names(), max_size=8)


def _writes() -> SearchStrategy[list[tuple[str, bytes, int]]]:
    """Names, contents, and zeros before those."""
    from hypothesis import strategies as st

    write = st.tuples(_names(), st.binary(max_size=64), st.sampled_from(_HOLES))
    return st.lists(write, max_size=6)


def _pictures() -> SearchStrategy[bytes]:
    from hypothesis import strategies as st

    starts = st.sampled_from((*SIGNATURES, b""))
    return st.tuples(starts, st.binary(max_size=200)).map(b"".join)


def _check_shown(path: str) -> None:
    shown = shown_name(path)
    assert shown.isprintable()
    assert len(shown) < 3000


def _check_kept(paths: Sequence[str]) -> None:
    names = KeptNames()
    kept = {path: names.of(path) for path in paths}
    keys = {path: tuple(map(file_system_key, name.split("/"))) for path, name in kept.items()}
    assert len(set(keys.values())) == len(kept), kept
    for path, key in keys.items():
        assert all(keys[other][: len(key)] != key for other in keys if other != path), kept
        for part in kept[path].split("/"):
            assert part not in ("", ".", "..")
            assert part.isprintable()
            assert len(part.encode()) < 200
            assert not is_for_tools(part), part


def _check_files(writes: Sequence[tuple[str, bytes, int]]) -> None:
    with tempfile.TemporaryDirectory() as top, closing(TargetFolder(Path(top, "run"))) as folder:
        kept = KeptFiles(folder, _LIMIT)
        last: dict[str, bytes] = {}
        for name, data, hole in writes:
            content = bytes(hole) + data
            if not isinstance(kept.keep(name, io.BytesIO(content)), LeftOut):
                last[name] = content
        for name, path in kept.paths.items():
            assert Path(top, "run", path).read_bytes() == last[name]
        found = [path for path in Path(top).rglob("*") if path.is_file()]
        assert len(found) == len(last)
        assert sum(os.lstat(path).st_blocks * 512 for path in found) <= _LIMIT


def _check_picture(data: bytes) -> None:
    found = read_picture(data)
    assert isinstance(found, LeftOut) or found.width * found.height <= 4 * MAX_PIXELS


TARGETS = (
    FuzzTarget("shown-names", _names, _check_shown),
    FuzzTarget("kept-names", _many_names, _check_kept),
    FuzzTarget("kept-files", _writes, _check_files),
    FuzzTarget("pictures", _pictures, _check_picture),
)
