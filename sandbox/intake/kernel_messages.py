"""What a kernel of Jupyter says, as a front end may have it.

The code in a kernel can make the kernel say anything: its signature proves nothing. Of each type of
message that a front end waits for, the fields of the protocol are kept ("Messaging in Jupyter" in
the documentation of jupyter_client), in the type the protocol gives them; other fields and other
types of message are dropped. Widgets, debuggers and help links are among those.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from .forms import safe_forms
from .json_values import read_object
from .left_out import LeftOut

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Take = Callable[[Any], Any]
    """Gives what is kept of a field; ``None`` for nothing."""
    Fields = Mapping[str, Take]

MOST_CONTENT = 16 << 20
"""Bytes of the content of one message."""
MOST_MEMORY = 48 << 20
"""Bytes that it may take as a value."""
MOST_LINES = 10_000
"""Of a list of texts: a traceback, completions, the history."""
MOST_HEADER = 64 << 10

_INTEGER = 1 << 53
"""What front ends in JavaScript can count to."""
_DANGEROUS = re.compile(
    r"\x1b(?!\[[0-9;]{0,40}m)|[\x00-\x07\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]|[\ud800-\udfff]"
)
"""Controls but for tabs, ends of lines, backspaces and colours: some front ends are terminals."""
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]|[\ud800-\udfff]")


def read_content(data: bytes) -> dict[str, Any] | LeftOut:
    """The content of a message, not yet looked at."""
    return read_object(data, most_bytes=MOST_CONTENT, most_memory=MOST_MEMORY, of_python=True)


def read_header(data: bytes) -> dict[str, str]:
    """The texts of a header of a message; nothing of what is none."""
    header = read_object(data, most_bytes=MOST_HEADER)
    return {} if isinstance(header, LeftOut) else _fields(_HEADER, header)


def safe_content(kind: object, content: object) -> dict[str, Any] | LeftOut:
    """The content of a message of the type ``kind``."""
    if not isinstance(kind, str):
        return LeftOut("it has no type")
    fields = _MESSAGES.get(kind)
    if fields is None:
        return LeftOut(f"{_name(kind)} is no message for a front end")
    if not isinstance(content, dict):
        return LeftOut("it is no content of a message")
    kept = _fields(fields, cast("dict[str, Any]", content))
    return kept | {name: made for name, made in _ALWAYS.get(kind, {}).items() if name not in kept}


def without(kind: str, why: LeftOut) -> dict[str, Any] | None:
    """What stands for a message that was left out; ``None`` if nobody waits for it.

    Who has sent a request waits for the reply, and a user for what was to be shown.
    """
    if kind in ("display_data", "execute_result", "update_display_data"):
        return {"data": {"text/plain": str(why)}, "metadata": {}}
    if kind in _MESSAGES and kind.endswith("_reply"):
        return {"status": "error", "ename": "LeftOut", "evalue": str(why), "traceback": []}
    if kind == "stream":
        return {"name": "stderr", "text": f"{why}\n"}
    return None


# --- fields ---


def _fields(fields: Fields, content: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, take in fields.items():
        if name in content and (made := take(content[name])) is not None:
            kept[name] = made
    return kept


def _text(value: Any) -> str | None:
    """Text that a front end shows, which may have colours."""
    return _DANGEROUS.sub("\ufffd", value) if isinstance(value, str) else None


def _plain(value: Any) -> str | None:
    """Text without any controls but ends of lines and tabs."""
    return _CONTROLS.sub("", value) if isinstance(value, str) else None


def _name(value: Any) -> str | None:
    """A short piece of plain text: a name, a version, an identifier."""
    return _plain(value[:200]) if isinstance(value, str) else None


def _matching(pattern: str) -> Take:
    whole = re.compile(pattern, re.ASCII)
    return lambda value: value if isinstance(value, str) and whole.fullmatch(value) else None


def _mode(value: Any) -> Any:
    """How CodeMirror is to colour the language: a name, or an object that has one."""
    return _record({"name": _name, "version": _whole})(value) or _name(value)


def _whole(value: Any) -> int | None:
    exact = isinstance(value, int) and not isinstance(value, bool)
    return value if exact and -_INTEGER < value < _INTEGER else None


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _one_of(*words: str) -> Take:
    return lambda value: value if isinstance(value, str) and value in words else None


def _list_of(take: Take) -> Take:
    def taken(value: Any) -> list[Any] | None:
        if not isinstance(value, list):
            return None
        made = (take(item) for item in cast("list[object]", value)[:MOST_LINES])
        return [item for item in made if item is not None]

    return taken


def _record(fields: Fields) -> Take:
    def taken(value: Any) -> dict[str, Any] | None:
        if not isinstance(value, dict):
            return None
        return _fields(fields, cast("dict[str, Any]", value)) or None

    return taken


def _history_item(value: Any) -> Any:
    """A line of the history: text, a number, or a list of the two."""
    if isinstance(value, list):
        return [
            _history_item(item) for item in cast("list[object]", value)[:3] if not _is_list(item)
        ]
    text = _text(value)
    return _whole(value) if text is None else text


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _payload(value: Any) -> dict[str, Any] | None:
    """What a reply asks a front end to do: to show a text, to end, to fill the next cell."""
    if not isinstance(value, dict):
        return None
    item = cast("dict[str, Any]", value)
    fields = _PAYLOADS.get(item.get("source") if isinstance(item.get("source"), str) else "")
    return _fields(fields, item) if fields else None


_NOTHING = {"text/plain": "[left out]"}
_PAYLOADS: Mapping[Any, Fields] = {
    "page": {"source": _name, "data": lambda value: safe_forms(value) or _NOTHING, "start": _whole},
    "ask_exit": {"source": _name, "keepkernel": _flag},
    "set_next_input": {"source": _name, "text": _text, "replace": _flag},
}
_WORD = _matching(r"[\w+#.][\w+#. -]{0,60}")
_LANGUAGE: Fields = {
    "name": _WORD,
    "version": _name,
    "mimetype": _matching(r"[\w.+-]{1,60}/[\w.+-]{1,60}"),
    # nbconvert puts it behind the name of the file that it writes.
    "file_extension": _matching(r"\.\w{1,16}"),
    "pygments_lexer": _WORD,
    "codemirror_mode": _mode,
}
"""Without ``nbconvert_exporter``: the name of a class that nbconvert imports and runs."""
_ERROR: Fields = {"ename": _text, "evalue": _text, "traceback": _list_of(_text)}
_REPLY: Fields = {"status": _one_of("ok", "error", "aborted", "abort"), **_ERROR}
_VALUE: Fields = {
    "data": lambda value: safe_forms(value) or None,
    "transient": _record({"display_id": _name}),
    "execution_count": _whole,
}
_MESSAGES: Mapping[str, Fields] = {
    "status": {
        "execution_state": _one_of("busy", "idle", "starting", "restarting", "dead"),
    },
    "stream": {"name": _one_of("stdout", "stderr"), "text": _text},
    "display_data": _VALUE,
    "update_display_data": _VALUE,
    "execute_result": _VALUE,
    "execute_input": {"code": _text, "execution_count": _whole},
    "error": _ERROR,
    "clear_output": {"wait": _flag},
    "input_request": {"prompt": _text, "password": _flag},
    "execute_reply": {**_REPLY, "execution_count": _whole, "payload": _list_of(_payload)},
    "inspect_reply": {**_REPLY, "found": _flag, "data": safe_forms},
    "complete_reply": {
        **_REPLY,
        "matches": _list_of(_text),
        "cursor_start": _whole,
        "cursor_end": _whole,
    },
    "history_reply": {**_REPLY, "history": _list_of(_history_item)},
    "is_complete_reply": {
        **_REPLY,
        "status": _one_of("complete", "incomplete", "invalid", "unknown"),
        "indent": _plain,
    },
    "comm_info_reply": _REPLY,
    "kernel_info_reply": {
        **_REPLY,
        "protocol_version": _name,
        "implementation": _name,
        "implementation_version": _name,
        "language_info": _record(_LANGUAGE),
        "banner": _plain,
    },
    "shutdown_reply": {**_REPLY, "restart": _flag},
    "interrupt_reply": _REPLY,
    "iopub_welcome": {"subscription": _name},
}
_SHOWN = {"data": _NOTHING, "metadata": {}}
_ALWAYS: Mapping[str, Mapping[str, Any]] = {
    "display_data": _SHOWN,
    "update_display_data": _SHOWN,
    "execute_result": _SHOWN,
    "stream": {"name": "stdout", "text": ""},
    "error": {"ename": "", "evalue": "", "traceback": []},
    "status": {"execution_state": "busy"},
    "execute_input": {"code": ""},
    "clear_output": {"wait": False},
    "input_request": {"prompt": "", "password": False},
    "execute_reply": {"status": "error", "user_expressions": {}, "payload": []},
    "inspect_reply": {"status": "error", "found": False, "data": {}, "metadata": {}},
    "complete_reply": {
        "status": "ok", "matches": [], "cursor_start": 0, "cursor_end": 0, "metadata": {}
    },
    "history_reply": {"status": "ok", "history": []},
    "is_complete_reply": {"status": "unknown"},
    "comm_info_reply": {"status": "ok", "comms": {}},
    "kernel_info_reply": {
        "status": "ok",
        "protocol_version": "5.3",
        "implementation": "",
        "implementation_version": "",
        "language_info": {"name": ""},
        "banner": "",
        "help_links": [],
    },
    "shutdown_reply": {"status": "ok", "restart": False},
}  # fmt: skip
"""What a front end counts on, where the kernel does not give it."""
_HEADER: Fields = dict.fromkeys(
    ("msg_id", "session", "username", "date", "msg_type", "version"), _name
)
