"""How an engine says that it is ready: one line on standard output, and a file that a supervisor waits for."""

import os
import sys
from pathlib import Path


def announce(url: str, chain_id: int, ready_file: Path | None) -> None:
    """Print the line, and write the URL into `ready_file`, which appears whole or not at all."""
    if ready_file is not None:
        partial = ready_file.with_name(f"{ready_file.name}.{os.getpid()}")
        partial.write_text(url, encoding="utf-8")
        partial.replace(ready_file)
    sys.stdout.write(f"listening on {url} chain {chain_id}\n")
    sys.stdout.flush()
