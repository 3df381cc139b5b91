"""The names under which files of guests are kept on the host."""

from __future__ import annotations

from dataclasses import dataclass, field

from .names import is_plain
from .tool_names import INERT, MAX_NAME, file_system_key, is_for_tools, is_never_plain

MAX_PART = 120
"""Longest name of one file or folder, in bytes."""
MAX_PATH = 600
"""Longest path, in bytes; of a longer one only the last part is kept."""
MAX_DEPTH = 16
"""Folders above a file, likewise."""

_UNFIT = frozenset('\\/:*?"<>|`$;')
"""What Windows forbids in names, and what a shell substitutes inside of double quotes."""


@dataclass(slots=True)
class KeptNames:
    """Gives each file of a guest a name that no tool obeys and that no other file has.

    Two names never meet in one, also where a file system does not tell them apart; a file that is
    given twice has the same name.
    """

    _files: dict[str, str] = field(default_factory=dict[str, str])
    _folders: dict[str, str] = field(default_factory=lambda: {"": ""})
    _asked: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    """By folder and what file systems make of a name: how often it was asked for."""

    def of(self, path: str) -> str:
        """The path to keep the file ``path`` under, whatever that is."""
        kept = self._files.get(path)
        if kept is None:
            *folders, name = _parts(path)
            above = parent = ""
            for folder in folders:
                above = f"{above}/{folder}" if above else folder
                if above not in self._folders:
                    self._folders[above] = self._free(parent, folder)
                parent = self._folders[above]
            kept = self._files[path] = self._free(parent, name)
        return kept

    @property
    def entries(self) -> int:
        """How many files and folders that makes."""
        return len(self._files) + len(self._folders) - 1

    def _free(self, parent: str, name: str) -> str:
        """A path in ``parent`` that is not taken yet, and is from now on."""
        first = candidate = _harmless(name, parent)
        count = self._asked.get((parent, file_system_key(first)), 0)
        while (key := (parent, file_system_key(candidate))) in self._asked:
            count += 1
            candidate = _harmless(_numbered(first, count), parent)
        self._asked[key] = 1
        self._asked[parent, file_system_key(first)] = max(count, 1)
        return f"{parent}/{candidate}" if parent else candidate


def _parts(path: str) -> list[str]:
    parts = path.split("/", MAX_DEPTH + 1)
    if len(parts) > MAX_DEPTH + 1 or len(path.encode("utf-8", "replace")) > MAX_PATH:
        return [path[path.rfind("/") + 1 :]]
    return parts


def _harmless(name: str, folder: str) -> str:
    """A name of plain characters, not too long, and no tool's."""
    text = _cut("".join(c if is_plain(c) and c not in _UNFIT else "_" for c in _ends(name)))
    text = text.strip(" ").rstrip(" .") or "_"
    if text[0] == "-":  # which a command would take for an option
        text = f"_{text[1:]}"
    if is_never_plain(file_system_key(text)):
        text = "_" + text.lstrip(".~").removesuffix(INERT) + INERT
    return text + INERT if is_for_tools(text, folder) else text


def _ends(name: str) -> str:
    """Of a very long name its beginning and its end, which is as much as is looked at."""
    return name if len(name) <= 2 * MAX_NAME else name[:MAX_NAME] + name[-MAX_NAME:]


def _cut(name: str) -> str:
    """As many characters as fit, with the end of the name, which tells what is in the file."""
    data = name.encode()
    if len(data) <= MAX_PART:
        return name
    stem, _, suffix = name.rpartition(".")
    end = f".{suffix}" if stem and len(suffix) <= 10 else ""
    return data[: MAX_PART - len(end.encode())].decode(errors="ignore") + end


def _numbered(name: str, number: int) -> str:
    """``chart.png`` → ``chart-2.png``; the number takes room from the beginning if need be."""
    end = INERT if name.endswith(INERT) else ""
    stem, dot, suffix = name.removesuffix(end).rpartition(".")
    if not stem:
        stem, dot, suffix = suffix, "", ""
    room = MAX_PART - len(f"-{number}{dot}{suffix}".encode())
    cut = stem.encode()[: max(room, 1)].decode(errors="ignore") or "_"
    return f"{cut}-{number}{dot}{suffix}{end}"
