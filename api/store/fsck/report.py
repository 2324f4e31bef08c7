"""What the check finds, and what its stages share."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from api.errors import ApiError
from api.store.crypto import DataKey, Sealer, Vault
from api.store.fsck.onchain import ChainView
from api.store.queries.holders import holder_key
from chain.canonical import Json
from chain.identity import ChainIdentity
from chain.receipt import log_id

T = TypeVar("T")
Progress = Callable[[str, int, int], None]
CHUNK = 512


@dataclass(frozen=True, slots=True)
class Finding:
    """One row that is not as it was written: its table, its key (or the place where it is missing), and what is wrong.

    `code` is `fsck.…`; nothing here is personal.
    """

    table: str
    id: str
    code: str


@dataclass(frozen=True, slots=True)
class FsckReport:
    """Findings, how many rows of each table were checked, and which comparisons could not be made."""

    findings: tuple[Finding, ...]
    checked: Mapping[str, int]
    skipped: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


@dataclass(slots=True)
class GrantReceipts:
    """What the log says of one grant: digests of its `grant` receipts, its events' hashes, uses that were delivered."""

    begun: set[str] = field(default_factory=set)
    events: dict[int, str] = field(default_factory=dict)
    uses: int = 0


@dataclass(slots=True)
class Delivered:
    """What a delivery receipt says of its copy."""

    receipt_id: str
    file_sha256: Json
    mark: Json
    entity: Json
    media_type: Json
    request: Json


class Check:
    """One run: the snapshot, the keys, the findings, and what the log's stage learns for the later ones."""

    def __init__(
        self,
        session: Session,
        vault: Vault,
        log_public_key: bytes,
        identity: ChainIdentity | None,
        chain: ChainView | None,
        progress: Progress | None,
    ) -> None:
        self.session = session
        self.vault = vault
        self.log_public_key = log_public_key
        self.log_id = log_id(log_public_key)
        self.identity = identity
        self.chain = chain
        self.grants: dict[str, GrantReceipts] = {}
        self.deliveries: dict[str, list[Delivered]] = {}
        self.deletions: dict[str, dict[str, Json]] = {}  # what receipts say of copies' ends, by receipt
        self.erased: set[str] = set()  # holders whose erasure is receipted
        self.batches_of_returns: dict[str, list[Json]] = {}
        self._findings: list[Finding] = []
        self._seen: set[Finding] = set()
        self._checked: Counter[str] = Counter()
        self._progress = progress
        self._stage = ""
        self._keys: dict[str, DataKey | None] = {}

    def begin(self, stage: str) -> None:
        """A stage starts."""
        self._stage = stage
        if self._progress is not None:
            self._progress(stage, 0, 0)

    def find(self, table: str, row_id: str, code: str) -> None:
        """Note a finding, once."""
        finding = Finding(table, row_id, code)
        if finding not in self._seen:
            self._seen.add(finding)
            self._findings.append(finding)

    def each(self, table: str, query: Select[T]) -> Iterator[T]:
        """The rows of a query, streamed, counted, with progress."""
        total = self.session.execute(select(func.count()).select_from(query.order_by(None).subquery())).scalar_one()
        done = 0
        for rows in self.session.execute(query.execution_options(yield_per=CHUNK)).scalars().partitions():
            yield from rows
            done += len(rows)
            self._checked[table] += len(rows)
            if self._progress is not None:
                self._progress(self._stage, done, total)

    def key(self, holder_id: str) -> DataKey | None:
        """A holder's data key; None where it does not open, which the stage of holders names."""
        if holder_id not in self._keys:
            if len(self._keys) >= 16384:
                self._keys.clear()
            try:
                self._keys[holder_id] = holder_key(self.session, self.vault, holder_id)
            except ApiError:
                self._keys[holder_id] = None
        return self._keys[holder_id]

    def sealer(self, holder_id: str | None) -> Sealer | None:
        """The key that something of this holder, or of nobody, stands under."""
        return self.vault.platform if holder_id is None else self.key(holder_id)

    def report(self) -> FsckReport:
        """All that was found."""
        skipped = [name for name, given in (("identity", self.identity), ("chain", self.chain)) if given is None]
        return FsckReport(tuple(self._findings), dict(self._checked), tuple(skipped))
