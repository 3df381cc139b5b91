"""The words of a message without the code that stands beside them."""

from collections.abc import Sequence

from ...executors.block import CodeBlock


def without_code(text: str, blocks: Sequence[CodeBlock]) -> str:
    """The message without the fences that hold one of ``blocks``."""
    from markdown_it import MarkdownIt

    # As in the extractor: nothing else can change where a fence is.
    parser = MarkdownIt("commonmark", {"maxNesting": 20}).disable(["inline", "reference"])
    codes = {block.code.strip() for block in blocks}
    lines = text.splitlines()
    for token in reversed(parser.parse(text)):
        if token.type == "fence" and token.map and token.content.strip() in codes:
            start, end = token.map
            del lines[start:end]
    return "\n".join(lines).strip()
