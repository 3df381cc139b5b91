"""Where values are kept by key."""

from typing import Generic, Protocol, TypeVar

T = TypeVar("T")


class CacheStore(Protocol[T]):
    """Keeps values by key: in memory, on disk, on a server. Names are AutoGen's."""

    def get(self, key: str, default: T | None = None) -> T | None:
        """The value, or ``default``."""
        ...

    def set(self, key: str, value: T) -> None:
        """Keep the value."""
        ...


class InMemoryStore(CacheStore[T], Generic[T]):
    """Keeps values as long as the program runs."""

    def __init__(self) -> None:
        self.store: dict[str, T] = {}

    def get(self, key: str, default: T | None = None) -> T | None:
        return self.store.get(key, default)

    def set(self, key: str, value: T) -> None:
        self.store[key] = value
