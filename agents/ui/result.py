"""The end of an execution: exit code, files, what was refused."""

from collections.abc import Iterator

from rich.text import Text

from ...sandbox.intake.names import shown_name
from ...sandbox.intake.terminal import clean_line
from ...sandbox.result import CodeResult
from .style import Signs

_UNITS = ("B", "kB", "MB", "GB", "TB")


def describe(result: CodeResult, signs: Signs) -> Iterator[Text]:
    """Lines to print."""
    yield _badge(result, signs)
    for artifact in result.artifacts:
        line = Text(f"  {signs.file} ").append(shown_name(artifact.path), style="bold")
        yield line.append(
            f"  {clean_line(artifact.mime_type)}, {human_size(artifact.size)}", style="dim"
        )
    for denial in result.denials:
        reason = f": {denial.reason}" if denial.reason else ""
        text = clean_line(f"{denial.kind} {denial.subject}{reason}")
        yield Text(f"  {signs.denied} {text}", style="yellow")


def _badge(result: CodeResult, signs: Signs) -> Text:
    good = result.exit_code == 0
    sign, style = (signs.ok, "bold green") if good else (signs.bad, "bold red")
    badge = Text().append(f"  {sign} exit {result.exit_code}", style=style)
    notes = [f"{result.duration:.2f} s"] if result.duration else []
    if result.cancelled:
        notes.append("cancelled")
    elif result.timed_out:
        notes.append("time limit")
    elif result.limit_hit:
        notes.append(f"{clean_line(result.limit_hit)} limit")
    if result.usage.peak_memory is not None:
        notes.append(f"{human_size(result.usage.peak_memory)} peak")
    if result.truncated:
        notes.append("output shortened")
    for note in notes:
        badge.append(f" {signs.dot} {note}", style="dim")
    return badge


def human_size(size: float) -> str:
    """``1234`` → ``1.2 kB``."""
    for unit in _UNITS[:-1]:
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} {_UNITS[-1]}"
