"""Sessions to try things in."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sandcrew.sandbox import Policy, Sandbox, Session

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@asynccontextmanager
async def a_session(policy: Policy | None = None, **options: Any) -> AsyncGenerator[Session, None]:
    """One in a sandbox of its own."""
    async with Sandbox(policy or Policy()) as box, box.session(**options) as session:
        yield session
