"""Which of the fenced blocks of a message are meant to run."""

from collections.abc import Sequence

from ...executors.base import CodeExecutor
from ...executors.block import CodeBlock, canonical_language

_ILLUSTRATIONS = frozenset(
    "conf csv diff dotenv env html ini json jsonl log markdown md mermaid none output patch "
    "plaintext properties result rst stderr stdout svg tex text toml tsv txt xml yaml yml".split()
)
"""Languages of things that are shown, not run."""


def runnable_blocks(
    text: str, executor: CodeExecutor, supported: Sequence[str] | None
) -> list[CodeBlock]:
    """The blocks of ``text`` to run.

    With ``supported`` only those in these languages. Otherwise those the executor knows; and if
    there is none but some in a language it does not know, these, so that its refusal is heard.
    """
    # Imports a Markdown parser, which takes time nobody needs at import.
    from ...executors.extractor import extract_code_blocks

    blocks = [block for block in extract_code_blocks(text) if block.code.strip()]
    if supported is not None:
        names = {canonical_language(name) for name in supported}
        return [block for block in blocks if block.language in names]
    code = [block for block in blocks if block.language not in ("", *_ILLUSTRATIONS)]
    languages: Sequence[str] | None = getattr(executor, "languages", None)
    if languages is None:
        return code
    return [block for block in code if block.language in languages] or code
