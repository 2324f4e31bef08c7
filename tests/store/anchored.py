"""A long log whose checkpoints really stand on a chain, and the older store that it was before its last receipts."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from api.store.crypto import Vault
from api.store.database import Database
from api.store.event_sink import SqlEventSink
from api.store.fsck import FsckReport, NodeChain, fsck
from api.store.journal import SqlLogStore, SqlTxJournal
from api.store.keyring import KeyRing
from chain import calls
from chain.anchor import Checkpointer
from chain.indexer import Indexer
from chain.receipt import log_id
from chain.relay import Relay
from tests.chain_effects import engines
from tests.store import long_log
from tests.store.backends import Backend
from tests.store.world import IDENTITY, World

PATIENCE_S = 120.0


@dataclass
class Anchored:
    """A store (`world.db`, closed) whose log has `size` leaves, all under the chain's head.

    `older` is the URL of the same store when its log had `older_size`, under a checkpoint that the chain has as well.
    """

    world: World
    chain: engines.World
    size: int
    older: str
    older_size: int

    @property
    def url(self) -> str:
        return str(self.world.db.url)

    def check(self, url: str) -> FsckReport:
        """The real check, which asks the real node."""
        db = Database(url)
        try:
            view = NodeChain(self.chain.node, self.chain.identity)
            return fsck(db, self.world.vault, self.world.log_public_key, identity=IDENTITY, chain=view)
        finally:
            db.close()


@contextmanager
def anchored_log(
    backend: Backend, keys: KeyRing, chain: engines.World, *, size: int, tail: int, people: int
) -> Iterator[Anchored]:
    """Write `size` receipts, of which the last `tail` come after the older store was put aside."""
    url = backend.create()
    db = Database(url)
    world = World(db, keys, Vault(keys))
    grant_id = _written(world, 0, people)
    made = [url]
    try:
        for upto in (size // 3, size - tail):
            _grow(world, grant_id, upto)
            _anchor(world, chain)
        db.close()
        older = backend.create(url)
        made.append(older)
        world.db = db = Database(url)
        _grow(world, grant_id, size)
        _anchor(world, chain)
        db.close()
        yield Anchored(world, chain, size, older, size - tail)
    finally:
        db.close()
        for one in made:
            backend.drop(one)


def _written(world: World, _: int, people: int) -> str:
    writer = world.new_writer()
    writer.start()
    try:
        return long_log.begin(world, writer, people)
    finally:
        writer.stop()


def _grow(world: World, grant_id: str, size: int) -> None:
    writer = world.new_writer()
    writer.start()
    try:
        long_log.grow_to(world, writer, grant_id, size)
    finally:
        writer.stop()


def _anchor(world: World, chain: engines.World) -> None:
    """A checkpoint over the whole log: signed, sent, mined, and taken in from the chain's events."""
    log, contract = SqlLogStore(world.db), chain.address("ReceiptLog")
    relay = Relay(chain.node, chain.operator, SqlTxJournal(world.db), engines.CHAIN_ID, identity=chain.identity)
    checkpointer = Checkpointer(
        log, relay, chain.node, contract, log_id=log_id(world.log_public_key), log_key=world.log_key
    )
    indexer = Indexer(chain.node, SqlEventSink(world.db, world.vault), chain.identity)
    deadline = time.monotonic() + PATIENCE_S
    while calls.read_head(chain.node.call(contract, calls.head())).head.size < log.size():
        checkpointer.step()
        relay.step()
        assert time.monotonic() < deadline, "the chain takes a checkpoint soon"
        time.sleep(0.02)
    while relay.step().open or indexer.step().behind:
        assert time.monotonic() < deadline
