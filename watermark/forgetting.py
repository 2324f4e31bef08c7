"""What the tracer keeps of originals and pictures while it compares them, and letting go of it."""

from functools import _CacheInfo
from typing import Protocol


class Cache(Protocol):
    """A function that remembers its answers (`functools.lru_cache`)."""

    def cache_clear(self) -> None:
        """Forget all."""
        ...

    def cache_info(self) -> _CacheInfo:
        """How many are held."""
        ...


_caches: list[Cache] = []


def forgettable(*caches: Cache) -> None:
    """Have `forget` clear these; for modules whose caches hold originals or suspects."""
    _caches.extend(caches)


def held() -> int:
    """How many originals and pictures this process still holds."""
    return sum(cache.cache_info().currsize for cache in _caches)


def forget() -> None:
    """Let go of every original and picture that was compared: they are personal data. Others may trace meanwhile."""
    for cache in _caches:
        cache.cache_clear()
