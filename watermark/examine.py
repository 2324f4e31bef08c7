"""A suspect, read once in the sandbox, for look-up and trace."""

import hashlib
import time
from dataclasses import dataclass

from watermark.provenance import Leak
from watermark.sandbox import read_untrusted


@dataclass(frozen=True)
class Examined:
    """A suspect file, read. `sha256`: of its bytes. `read_ms`: how long that took."""

    name: str
    sha256: bytes
    leak: Leak
    read_ms: float

    @property
    def kind(self) -> str:
        """json, csv, text, xlsx or pdf."""
        return self.leak.reading.kind

    @property
    def copy_ids(self) -> tuple[str, ...]:
        """Explicit copy ids in the file. They help to find contents and prove nothing."""
        return tuple(dict.fromkeys(claim.copy_id for claim in self.leak.reading.claims))


def examine(suspect: bytes, name: str = "") -> Examined:
    """Read a suspect file in the sandbox. Errors: `watermark.*` when it cannot be read at all."""
    start = time.perf_counter()
    leak = Leak.of(read_untrusted(suspect, name))
    return Examined(name, hashlib.sha256(suspect).digest(), leak, (time.perf_counter() - start) * 1000)
