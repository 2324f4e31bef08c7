"""What the check finds, and what its stages share."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from api.errors import ApiError, Kind
from api.store.crypto import DataKey, Sealer, Vault
from api.store.fsck.onchain import ChainView
from api.store.queries.holders import holder_key
from chain.canonical import Json
from chain.cosign import NoteKey
from chain.identity import ChainIdentity
from chain.ports import Head
from chain.receipt import log_id
from watermark.keys import EpochKey

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
    """Findings, how many rows of each table were checked, and which comparisons could not be made.

    `unjudged` counts, by table, rows that may be sound, but what they are held against is itself among the findings: a
    holder's key that does not open, a receipt that is gone.
    """

    findings: tuple[Finding, ...]
    checked: Mapping[str, int]
    skipped: tuple[str, ...]
    unjudged: Mapping[str, int] = field(default_factory=dict)

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


@dataclass(slots=True)
class Said:
    """What a receipt says, and under whose key: what later stages hold rows against."""

    receipt_id: str
    holder_id: str | None
    details: dict[str, Json]


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
        head: Head | None = None,
        witnesses: Sequence[NoteKey] = (),
        before_epochs: EpochKey | None = None,
    ) -> None:
        self.session = session
        self.vault = vault
        self.log_public_key = log_public_key
        self.log_id = log_id(log_public_key)
        self.identity = identity
        self.chain = chain
        self.before_epochs = before_epochs
        self.witnesses = {key.handle: key for key in witnesses}
        self.head = head  # of ReceiptLog, asked before the snapshot was taken
        self.grants: dict[str, GrantReceipts] = {}
        self.deliveries: dict[str, list[Delivered]] = {}
        self.deletions: dict[str, dict[str, Json]] = {}  # what receipts say of copies' ends, by receipt
        self.disputed: dict[str, dict[str, Json]] = {}  # what receipts say of disputes and corrections, by receipt
        self.seals: dict[str, dict[str, Json]] = {}  # what receipts say of seals, by receipt
        self.reviewed: set[str] = set()  # back-filled returns whose review is receipted
        self.erased: set[str] = set()  # holders whose erasure is receipted
        self.batches_of_returns: dict[str, list[Json]] = {}
        self.admissions: list[Said] = []  # in the log's order, like the next two
        self.credentials: list[Said] = []
        self.counts: list[Said] = []
        self.epochs: dict[str, Said] = {}  # openings of marking keys, by the epoch's id
        self.accesses: dict[str, tuple[dict[str, Json], int]] = {}  # queries by duty that gave nothing, and when
        self.asked: dict[str, Said] = {}  # what entities asked, by receipt
        self.answers: dict[str, set[str]] = {}  # what requests were answered, other than by a grant
        self.unread: set[str] = set()  # receipts whose details do not open
        self.lost = 0  # receipts that are gone or do not open: so many sound rows may lack theirs
        self._findings: list[Finding] = []
        self._seen: set[Finding] = set()
        self._checked: Counter[str] = Counter()
        self._progress = progress
        self._stage = ""
        self._unjudged: Counter[str] = Counter()
        self._keys: dict[str, DataKey | None] = {}
        self._locked: set[str] = set()

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
            except ApiError as error:
                self._keys[holder_id] = None
                if error.kind is Kind.INTEGRITY:
                    self._locked.add(holder_id)
        return self._keys[holder_id]

    def locked(self, holder_id: str | None) -> bool:
        """Whether a holder's row is there and its key does not open; what is sealed under it cannot be judged."""
        return holder_id is not None and self.key(holder_id) is None and holder_id in self._locked

    def leave(self, table: str) -> None:
        """Count a row that cannot be judged."""
        self._unjudged[table] += 1

    def unreceipted(self, table: str, row_id: str, code: str) -> None:
        """Note a row that lacks its receipt, unless receipts are lost, of which its own may be one."""
        if self.lost:
            self.leave(table)
        else:
            self.find(table, row_id, code)

    def sealer(self, holder_id: str | None) -> Sealer | None:
        """The key that something of this holder, or of nobody, stands under."""
        return self.vault.platform if holder_id is None else self.key(holder_id)

    def report(self) -> FsckReport:
        """All that was found."""
        skipped = [name for name, given in (("identity", self.identity), ("chain", self.chain)) if given is None]
        return FsckReport(tuple(self._findings), dict(self._checked), tuple(skipped), dict(self._unjudged))
