"""Messages of kernels: any frames give a message of the protocol, or nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ...executors.jupyter.messages import Malformed, parse
from ...executors.jupyter.relayed import RelayedMessages
from .target import FuzzTarget

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_KINDS = (
    "status stream display_data update_display_data execute_result execute_input error "
    "clear_output input_request execute_reply inspect_reply complete_reply history_reply "
    "is_complete_reply comm_info_reply kernel_info_reply shutdown_reply interrupt_reply comm_open "
    "debug_event"
).split()
_NAMES = (
    "data text name execution_state transient display_id payload source page ask_exit status ename "
    "evalue traceback language_info nbconvert_exporter codemirror_mode banner help_links history "
    "matches found text/html text/plain metadata execution_count comms wait prompt"
).split()


def _messages() -> SearchStrategy[list[bytes]]:
    from hypothesis import strategies as st

    texts = st.sampled_from([*_NAMES, "ok", "\x1b]0;x\x07", "<script>x</script>", "\ud800"])
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | texts | st.text(max_size=5)
    values = st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(_NAMES) | st.text(max_size=3), inner, max_size=5)
        ),
        max_leaves=12,
    )
    contents = st.dictionaries(st.sampled_from(_NAMES), values, max_size=6) | values
    headers = st.fixed_dictionaries(
        {"msg_type": st.sampled_from(_KINDS) | values, "msg_id": st.just("1") | values}
    )
    parts = [part.map(_frame) for part in (headers, headers | values, values, contents)]
    whole = st.tuples(*parts).map(lambda made: [b"id", b"<IDS|MSG>", b"", *made])
    return whole | st.lists(st.binary(max_size=12) | st.just(b"<IDS|MSG>"), max_size=7)


def _frame(value: Any) -> bytes:
    return json.dumps(value).encode()


def _relay(frames: list[bytes]) -> None:
    made = RelayedMessages(b"key").relayed(frames)
    if made is None:
        return
    header, parent, metadata, content = (json.loads(part) for part in made[-4:])
    assert header["msg_type"] in _KINDS
    assert "comm_open" != header["msg_type"] != "debug_event"
    assert all(isinstance(text, str) for text in (*header.values(), *parent.values()))
    assert metadata == {}
    assert "<script" not in json.dumps(content.get("data", {}).get("text/html", ""))
    info = content.get("language_info", {})
    assert set(info) <= {
        *("name", "version", "mimetype", "file_extension", "pygments_lexer", "codemirror_mode"),
    }
    assert "\x1b" not in content.get("banner", "")


def _parse(frames: list[bytes]) -> None:
    try:
        message = parse(frames)
    except Malformed:
        return
    assert isinstance(message.content, dict)


TARGETS = (
    FuzzTarget("kernel-messages", _messages, _relay),
    FuzzTarget("kernel-frames", _messages, _parse),
)
