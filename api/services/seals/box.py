"""What a process remembers of its seals. Apart from the rest because `api.services.context` holds it."""

import threading
from dataclasses import dataclass, field


@dataclass
class SealBox:
    """The authority's lists by (revocations, hour), and owners known to have a certificate.

    Nothing in it decides: revocations are read from the database each time.
    """

    lock: threading.Lock = field(default_factory=threading.Lock)
    lists: dict[tuple[int, int], tuple[bytes, bytes]] = field(default_factory=dict)
    ready: set[str] = field(default_factory=set)
