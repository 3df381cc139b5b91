"""Kernels that flood, lie and speak nonsense: the host stays small and the executor usable."""

from __future__ import annotations

import resource

import pytest

from .conftest import SharedKernel

SHOW = "from IPython.display import *\n"
MEGABYTE = 1 << 20


def grown_since(before: int) -> int:
    """Bytes by which this process's peak of memory has grown."""
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def still_usable(kernel: SharedKernel) -> bool:
    return kernel.run("6 * 7").output == "42\n"


def test_100_megabytes_in_one_line_are_head_and_tail(kernel: SharedKernel) -> None:
    before = peak()
    result = kernel.run("print('HEAD' + 'é' * (50 << 20) + 'TAIL')")
    assert (result.exit_code, result.truncated) == (0, True)
    assert result.output.startswith("HEADé")
    assert result.output.endswith("éTAIL\n")
    assert len(result.output) < 2 * MEGABYTE
    assert grown_since(before) < 600 * MEGABYTE
    assert still_usable(kernel)


def test_a_flood_of_small_prints_is_head_and_tail(kernel: SharedKernel) -> None:
    before = peak()
    code = "print('HEAD')\nfor _ in range(100): print('x' * (1 << 20))\nprint('TAIL')"
    result = kernel.run(code)
    assert (result.exit_code, result.truncated) == (0, True)
    assert result.output.startswith("HEAD\n")
    assert result.output.endswith("TAIL\n")
    assert grown_since(before) < 300 * MEGABYTE


def test_more_values_than_are_kept_are_counted_as_dropped(kernel: SharedKernel) -> None:
    result = kernel.run(SHOW + "for n in range(800): display(n)")
    assert result.truncated
    assert 0 < len(result.outputs) <= 500


def test_values_too_large_to_keep_are_dropped(kernel: SharedKernel) -> None:
    code = SHOW + "display({'text/plain': 'x' * (20 << 20)}, raw=True); print('after')"
    result = kernel.run(code)
    assert result.truncated
    assert result.output == "after\n"


SEND = """
import json
kernel = get_ipython().kernel
def send(kind, content):
    kernel.session.send(kernel.iopub_socket, kind, content, parent=kernel.get_parent())
"""


# A session takes longer to make a message than the host to read it: so all but the number is made
# before, and the kernel waits where it would drop what nobody has read yet.
UPDATES = """
import threading, zmq
session, line, done = kernel.session, kernel.iopub_thread.socket, threading.Event()
update = session.msg('update_display_data', parent=kernel.get_parent())
fixed = [session.pack(update[part]) for part in ('header', 'parent_header', 'metadata')]
def flood():
    line.setsockopt(zmq.XPUB_NODROP, 1)
    for n in range(1, 100_001):
        content = b'{"data": {"text/plain": "%d"}, "transient": {"display_id": "a"}}' % n
        parts = [*fixed, content]
        line.send_multipart([b'x', b'<IDS|MSG>', session.sign(parts), *parts])
    done.set()
send('display_data', {'data': {'text/plain': '0'}, 'transient': {'display_id': 'a'}})
kernel.iopub_thread.schedule(flood)
_ = done.wait()
"""


def test_100_000_updates_of_a_display_are_one_value(kernel: SharedKernel) -> None:
    result = kernel.run(SEND + UPDATES)
    assert (result.exit_code, result.output, result.truncated) == (0, "100000\n", False)
    assert len(result.outputs) == 1
    assert still_usable(kernel)


@pytest.mark.parametrize(
    "content",
    [
        "{}",
        "{'name': 5, 'text': 7}",
        "{'text': None}",
        "{'data': 5}",
        "{'data': {'text/plain': {'a': 1}, 'image/png': 7, 'text/html': ['a', 5]}}",
        "{'data': {'application/json': nested}}",
        "{'execution_state': []}",
        "{'ename': 1, 'evalue': [], 'traceback': 'x'}",
        "{'prompt': {}, 'password': 'yes'}",
        "{'data': {f'text/{n}': 'x' for n in range(10_000)}}",
    ],
)
def test_messages_of_the_wrong_shape_do_no_harm(kernel: SharedKernel, content: str) -> None:
    kinds = (
        "'stream', 'display_data', 'execute_result', 'update_display_data', 'error', 'status', "
        "'clear_output', 'execute_input', 'input_request', 'comm_open', 'nonsense', ''"
    )
    nest = "nested = []\nfor _ in range(500): nested = [nested]\n"
    code = f"{SEND}{nest}for kind in ({kinds}):\n    send(kind, {content})\nprint('done')"
    result = kernel.run(code)
    assert (result.exit_code, result.stdout.endswith("done\n")) == (0, True)
    assert still_usable(kernel)


def test_frames_that_are_no_message_do_no_harm(kernel: SharedKernel) -> None:
    code = SEND + (
        "for frames in ([b'x'], [b'<IDS|MSG>'], [b'<IDS|MSG>', b'', b'{', b'{}', b'{}', b'{}'],"
        " [b'<IDS|MSG>', b'', b'[]', b'5', b'null', b'[' * 100_000], [b''] * 1000):\n"
        "    kernel.iopub_thread.schedule(lambda f=frames:"
        " kernel.iopub_thread.socket.send_multipart(f))\nprint('done')"
    )
    assert kernel.run(code).stdout == "done\n"
    assert still_usable(kernel)


def test_a_kernel_that_says_it_is_done_while_it_is_not_harms_only_itself(
    kernel: SharedKernel,
) -> None:
    code = SEND + "send('status', {'execution_state': 'idle'})\nimport time; time.sleep(0.2)\n9"
    assert kernel.run(code).output == "9\n"


def test_a_display_that_lies_about_its_name_touches_no_other_file(kernel: SharedKernel) -> None:
    code = SHOW + (
        "display({'image/png': 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB', 'text/plain': '../../x'},"
        " raw=True, metadata={'filename': '/etc/passwd'}, display_id='../../../x')"
    )
    (artifact,) = kernel.run(code).artifacts
    assert artifact.path.startswith("figure-")
