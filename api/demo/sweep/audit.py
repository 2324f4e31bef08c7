"""What was lost and what was doubled: everything that was acknowledged, held against the store and the chain."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from api.demo import behind
from api.demo.commands import check
from api.demo.sweep.jobs import Case
from api.settings import Settings
from api.wiring import key_ring, read_deployment
from chain.events import EventReader
from chain.node import Web3Node
from chain.signer import LocalSigner

BLOCKS = 500
SETTLED = (
    "SELECT (SELECT count(*) FROM outbox WHERE done_at_ms IS NULL),"
    " (SELECT count(*) FROM prepared_receipts),"
    " (SELECT count(*) FROM chain_txs WHERE state IN ('prepared', 'signed', 'sent', 'mined')),"
    " (SELECT count(*) FROM grants WHERE anchor_state <> 'anchored'),"
    " (SELECT count(*) FROM grant_events WHERE state = 'revoked' AND anchored_block IS NULL),"
    " (SELECT count(*) FROM returns WHERE state <> 'anchored'),"
    " (SELECT size FROM log_state WHERE id = 1)"
    " - (SELECT COALESCE(MAX(size), 0) FROM checkpoints WHERE anchor_state = 'anchored')"
)
"""All zero once nothing waits."""


@dataclass(slots=True)
class Audit:
    """What is missing, what is there twice, and what `mydata fsck` finds, each by name."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)

    def once(self, name: str, count: int) -> None:
        """Something that must be there exactly once."""
        if count == 0:
            self.lost.append(name)
        elif count > 1:
            self.doubled.append(f"{name} x{count}")


def settled(settings: Settings) -> bool:
    """Whether everything that was announced stands on the chain."""
    return not any(behind.rows(settings.store_url, SETTLED)[0])


def relay_nonce(settings: Settings) -> int:
    """How many transactions of the relay's account the chain has mined."""
    node = Web3Node(settings.rpc_url)
    try:
        return node.nonce(LocalSigner(key_ring(settings).relay).address)
    finally:
        node.close()


def audit(settings: Settings, cases: Sequence[Case], first_nonce: int) -> Audit:
    """Hold what `cases` were told against what stands. `first_nonce`: the relay account's before the sweep."""
    found = Audit()
    events = _events(settings)
    _returns(settings, cases, events, found)
    _grants(settings, cases, events, found)
    _log(settings, found)
    _transactions(settings, first_nonce, found)
    found.findings = [f"{one.table} {one.id} {one.code}" for one in check(settings).findings]
    return found


def _ask(settings: Settings, statement: str) -> list[tuple[Any, ...]]:
    return behind.rows(settings.store_url, statement)


def _by_first(rows: Iterable[tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
    return {str(row[0]): row[1:] for row in rows}


def _returns(settings: Settings, cases: Sequence[Case], events: Counter[tuple[str, bytes]], found: Audit) -> None:
    states = _by_first(_ask(settings, "SELECT id, state FROM returns"))
    records = _by_first(
        _ask(
            settings,
            "SELECT b.return_id, count(*) FROM records r JOIN batches b ON b.id = r.batch_id GROUP BY b.return_id",
        )
    )
    for case in cases:
        if (told := case.acknowledged.get("return")) is None:
            continue
        found.once(f"return {told['id']}", int(states.get(told["id"], ("",))[0] == "anchored"))
        found.once(f"record of {told['id']}", int(records.get(told["id"], (0,))[0]))
    for sha256, count in _ask(settings, "SELECT file_sha256, count(*) FROM returns GROUP BY file_sha256"):
        found.once(f"file {bytes(sha256).hex()}", count)
    for (root,) in _ask(settings, "SELECT root FROM batches WHERE anchor_state <> 'open'"):
        found.once(f"root {bytes(root).hex()}", events["Anchored", bytes(root)])


def _grants(settings: Settings, cases: Sequence[Case], events: Counter[tuple[str, bytes]], found: Audit) -> None:
    grants = _by_first(_ask(settings, "SELECT id, digest, state, use_count FROM grants"))
    copies = Counter(str(row[0]) for row in _ask(settings, "SELECT grant_id FROM copies"))
    ends = Counter(str(row[0]) for row in _ask(settings, "SELECT grant_id FROM grant_events WHERE state = 'revoked'"))
    receipts = _by_first(_ask(settings, "SELECT id, number, kind FROM receipts"))
    for case in cases:
        if (told := case.acknowledged.get("grant")) is None:
            continue
        name = told["id"]
        if name not in grants:
            found.lost.append(f"grant {name}")
            continue
        digest, state, uses = grants[name]
        found.once(f"registration of {name}", events["GrantRegistered", bytes(digest)])
        if (pulled := case.acknowledged.get("pull")) is not None:
            found.once(f"use of {name}", uses)
            found.once(f"copy of {name}", copies[name])
            stands = receipts.get(pulled["receipt"]) == (pulled["number"], "delivery")
            found.once(f"receipt {pulled['receipt']}", int(stands))
        if "revoke" in case.acknowledged:
            found.once(f"revocation of {name}", ends[name] if state == "revoked" else 0)
            found.once(f"revocation of {name} on the chain", events["GrantChanged", bytes(digest)])
    for request, count in _ask(settings, "SELECT request_id, count(*) FROM grants GROUP BY request_id"):
        found.once(f"grant of {request}", count)
    for case_no, count in _ask(settings, "SELECT case_no, count(*) FROM requests GROUP BY case_no"):
        found.once(f"request {case_no}", count)


def _log(settings: Settings, found: Audit) -> None:
    """Numbers without a gap, each once, and every checkpoint once on the chain."""
    numbers = [row[0] for row in _ask(settings, "SELECT number FROM receipts ORDER BY number")]
    (size,) = _ask(settings, "SELECT size FROM log_state WHERE id = 1")[0]
    found.lost += [f"receipt number {number}" for number in sorted(set(range(size)) - set(numbers))]
    found.doubled += [f"receipt number {number}" for number, count in Counter(numbers).items() if count > 1]


def _transactions(settings: Settings, first_nonce: int, found: Audit) -> None:
    """One confirmed transaction a fact, and not one mined transaction of the account beyond them."""
    confirmed = Counter(
        str(row[0]).partition("~")[0] for row in _ask(settings, "SELECT key FROM chain_txs WHERE state = 'confirmed'")
    )
    for key, count in confirmed.items():
        found.once(f"transaction {key}", count)
    for (key,) in _ask(settings, "SELECT key FROM outbox"):
        found.once(f"announcement {key}", confirmed[str(key)])
    relay = LocalSigner(key_ring(settings).relay).address
    ours = sum(
        1 for row in _ask(settings, "SELECT sender FROM chain_txs WHERE state = 'confirmed'") if bytes(row[0]) == relay
    )
    beyond = relay_nonce(settings) - first_nonce - ours
    if beyond > 0:
        found.doubled.append(f"{beyond} mined transactions beyond the {ours} that the journal confirms")
    elif beyond < 0:
        found.lost.append(f"{-beyond} transactions that the journal calls confirmed")


def _events(settings: Settings) -> Counter[tuple[str, bytes]]:
    """How often each root was anchored, each grant registered and changed, by the chain's own events."""
    identity = read_deployment(settings.data_dir).identity()
    names = {contract.address: name for name, contract in identity.contracts.items()}
    reader, node = EventReader(names), Web3Node(settings.rpc_url)
    found: Counter[tuple[str, bytes]] = Counter()
    try:
        head = node.block_number()
        for first in range(identity.first_block, head + 1, BLOCKS):
            last = min(head, first + BLOCKS - 1)
            blocks = {block.number: block for block in node.headers(first, last)}
            for entry in node.logs(first, last, list(names)):
                event = reader.read(entry, blocks[entry.block_number])
                subject = None if event is None else event.args.get("root", event.args.get("id"))
                if event is not None and isinstance(subject, bytes):
                    found[event.name, subject] += 1
    finally:
        node.close()
    return found
