"""Faults at named steps: a call fails before its effect, or its answer is lost after it, or the process dies."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from chain.errors import NodeError, RpcReason
from chain.ports import BlockRef, LogEntry, Node, SignedTx, TxCall, TxChange, TxJournal, TxReceipt, TxRow, TxState


class CrashError(BaseException):
    """The process dies here: not an Exception, so that nothing on the way can handle it."""


class Plan:
    """Which occurrence of which step fails, and how. A step is named like `node.send_raw_many`."""

    def __init__(self, step: str = "", occurrence: int = 1, *, after: bool = False, crash: bool = False) -> None:
        self.step = step
        self.occurrence = occurrence
        self.after = after
        self.crash = crash
        self.seen: Counter[str] = Counter()
        self.fired = False

    def run(self, step: str, act: Callable[[], Any]) -> Any:
        self.seen[step] += 1
        if step != self.step or self.seen[step] != self.occurrence:
            return act()
        self.fired = True
        if self.after:
            act()
        if self.crash:
            raise CrashError(step)
        raise NodeError(RpcReason.TIMED_OUT if self.after else RpcReason.UNREACHABLE, step)


class FaultyNode:
    """A `Node` around another one, failing by plan; `down` makes every call fail."""

    def __init__(self, node: Node, plan: Plan | None = None) -> None:
        self.node = node
        self.plan = plan or Plan()
        self.down = False

    def _run(self, name: str, act: Callable[[], Any]) -> Any:
        if self.down:
            raise NodeError(RpcReason.UNREACHABLE, name)
        return self.plan.run(f"node.{name}", act)

    def chain_id(self) -> int:
        return self._run("chain_id", self.node.chain_id)

    def block_number(self) -> int:
        return self._run("block_number", self.node.block_number)

    def block(self, number: int) -> BlockRef:
        return self._run("block", lambda: self.node.block(number))

    def headers(self, first: int, last: int) -> list[BlockRef]:
        return self._run("headers", lambda: self.node.headers(first, last))

    def gas_price(self) -> int:
        return self._run("gas_price", self.node.gas_price)

    def client(self) -> str:
        return self._run("client", self.node.client)

    def code(self, address: bytes, block: int | None = None) -> bytes:
        return self._run("code", lambda: self.node.code(address, block))

    def nonce(self, address: bytes) -> int:
        return self._run("nonce", lambda: self.node.nonce(address))

    def call(self, to: bytes, data: bytes, *, sender: bytes | None = None, block: int | None = None) -> bytes:
        return self._run("call", lambda: self.node.call(to, data, sender=sender, block=block))

    def logs(
        self, first: int, last: int, addresses: Sequence[bytes], topics: Sequence[Sequence[bytes]] = ()
    ) -> list[LogEntry]:
        return self._run("logs", lambda: self.node.logs(first, last, addresses, topics))

    def send_raw(self, raw: bytes) -> bytes:
        return self._run("send_raw", lambda: self.node.send_raw(raw))

    def send_raw_many(self, raws: Sequence[bytes]) -> list[bytes | NodeError]:
        return self._run("send_raw_many", lambda: self.node.send_raw_many(raws))

    def receipt(self, tx_hash: bytes) -> TxReceipt | None:
        return self._run("receipt", lambda: self.node.receipt(tx_hash))

    def receipts(self, tx_hashes: Sequence[bytes]) -> list[TxReceipt | None]:
        return self._run("receipts", lambda: self.node.receipts(tx_hashes))


class FaultyJournal:
    """A `TxJournal` around another one: a crash before or after a commit."""

    def __init__(self, journal: TxJournal, plan: Plan) -> None:
        self.journal = journal
        self.plan = plan

    def lead(self, sender: bytes) -> bool:
        return self.plan.run("journal.lead", lambda: self.journal.lead(sender))

    def reserve(self, key: str, sender: bytes, call: TxCall, *, first_nonce: int) -> TxRow:
        return self.plan.run(
            "journal.reserve", lambda: self.journal.reserve(key, sender, call, first_nonce=first_nonce)
        )

    def signed(self, key: str, tx: SignedTx) -> TxRow:
        return self.plan.run("journal.signed", lambda: self.journal.signed(key, tx))

    def replace(self, old: TxRow, key: str, call: TxCall, *, error: str, first_nonce: int | None) -> TxRow:
        return self.plan.run(
            "journal.replace", lambda: self.journal.replace(old, key, call, error=error, first_nonce=first_nonce)
        )

    def unconfirmed(self, sender: bytes, limit: int) -> list[TxRow]:
        return self.plan.run("journal.unconfirmed", lambda: self.journal.unconfirmed(sender, limit))

    def set_state(
        self,
        row: TxRow,
        state: TxState,
        *,
        block_number: int | None = None,
        block_hash: bytes | None = None,
        error: str | None = None,
    ) -> bool:
        return self.plan.run(
            "journal.set_state",
            lambda: self.journal.set_state(row, state, block_number=block_number, block_hash=block_hash, error=error),
        )

    def history(self, key: str) -> list[TxChange]:
        return self.journal.history(key)

    def get(self, key: str) -> TxRow | None:
        return self.plan.run("journal.get", lambda: self.journal.get(key))
