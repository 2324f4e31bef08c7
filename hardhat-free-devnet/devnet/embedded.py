"""The embedded engine's composition: `python -m devnet embedded`."""

import fcntl
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devnet.ledger import Ledger
from devnet.methods import NOTICE, Methods
from devnet.miner import Miner
from devnet.pool import Pool
from devnet.ready import announce
from devnet.rpc import Dispatcher
from devnet.server import THREAD_STACK_BYTES, Server
from devnet.store import Store

DATABASE = "chain.sqlite3"
LOCK = "lock"
_POLL_S = 0.05  # how soon the listener sees that it shall stop


class DirectoryInUseError(Exception):
    """Another process works on this data directory."""


@contextmanager
def directory_lock(directory: Path) -> Iterator[None]:
    """Hold the directory for this process; the operating system lets go of it however the process ends.

    Raises `DirectoryInUseError` when another process holds it.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            raise DirectoryInUseError(f"{directory} is in use by process {holder}") from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def run(
    directory: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    chain_id: int = 777001,
    interval_s: float = 0.0,
    ready_file: Path | None = None,
) -> None:
    """Serve the chain in `directory` until SIGTERM or SIGINT.

    Raises `DirectoryInUseError`, `devnet.store.StoreError` for a foreign or other chain, `OSError` for a taken port.
    """
    threading.stack_size(THREAD_STACK_BYTES)
    done = threading.Event()
    for wanted in (signal.SIGTERM, signal.SIGINT):
        signal.signal(wanted, lambda *_: done.set())
    with directory_lock(directory):
        store = Store(directory / DATABASE)
        try:
            ledger = Ledger(store, chain_id)
            pool = Pool()
            miner = Miner(ledger, pool, interval_s=interval_s)
            methods = Methods(ledger, pool, miner)
            with Server(host, port, Dispatcher(methods.table(), after=miner.wake)) as server:
                _serve(server, miner, done, chain_id=chain_id, ready_file=ready_file)
            if len(pool):
                sys.stderr.write(f"{len(pool)} waiting transactions are left to their senders\n")
        finally:
            store.close()


def _serve(server: Server, miner: Miner, done: threading.Event, *, chain_id: int, ready_file: Path | None) -> None:
    miner.start()
    listener = threading.Thread(target=server.serve_forever, args=(_POLL_S,), name="http", daemon=True)
    listener.start()
    sys.stderr.write(f"embedded engine, {NOTICE}\n")
    announce(server.url, chain_id, ready_file)
    done.wait()
    server.shutdown()
    listener.join()
    miner.stop()
