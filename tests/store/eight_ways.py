"""The eight ways in which somebody with the database alone tampers with a log, each done to many rows at random.

edited, deleted, inserted, swapped (contents exchanged), re-ordered (whole rows at other numbers), cut off (the end
deleted), rolled back (the whole store as it was earlier), keys swapped (holders' data keys exchanged). Each tampered
row has the names that the check may give it; what it names beyond those is named falsely.
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from api.store.fsck import Finding
from chain.receipt import ReceiptKind
from tests.store.anchored import Anchored
from tests.store.backends import Dba

WAYS = ("edited", "deleted", "inserted", "swapped", "re-ordered", "cut off", "rolled back", "keys swapped")
Name = tuple[str, str]
"""`table/id` and code of a finding."""

SAID = ("kind", "holder_id", "party_id", "grant_id", "copy_id", "return_id", "reason", "repeats", "at_ms")
CONTENT = (*SAID, "commitment", "details_enc", "leaf", "leaf_hash", "promise")
PROVEN = ("leaf", "leaf_hash", "promise")
KEY = ("wrapped_key", "master_key_id", "key_commitment")
LONGEST_CYCLE = 6
FAR = 5_000


@dataclass
class Tampered:
    """One row that was tampered with, and how: by `names` the check must name it (all of them), `others` it may use."""

    way: str
    names: frozenset[Name]
    others: frozenset[Name] = frozenset()


@dataclass
class Judged:
    """What the check missed (tampered rows without their names) and what it named falsely."""

    rows: int
    missed: list[Tampered]
    false: set[Name]


def judge(tampered: Iterable[Tampered], findings: Iterable[Finding]) -> Judged:
    """Hold what was found against what was done."""
    found = {(f"{finding.table}/{finding.id}", finding.code) for finding in findings}
    done = list(tampered)
    allowed = {name for one in done for name in one.names | one.others}
    return Judged(len(done), [one for one in done if not one.names <= found], found - allowed)


@dataclass
class Tamperer:
    """Works on one copy of an anchored store; draws rows of which each is tampered with once."""

    dba: Dba
    log: Anchored
    size: int
    seed: int
    done: list[Tampered] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.forged = 0
        holders = [row[0] for row in self.dba.execute("SELECT id FROM holders ORDER BY number_bidx").fetchall()]
        self.random.shuffle(holders)
        # What stands under a key that does not open cannot be judged, so those rows stay untouched otherwise.
        self.keyed = holders[: len(holders) // 3]
        locked = set(self.keyed)
        rows = self.dba.execute("SELECT number, id, holder_id FROM receipts WHERE number IS NOT NULL ORDER BY number")
        self.ids = {number: row for number, row, holder in rows.fetchall() if holder not in locked}
        self.numbers = list(self.ids)
        self.random.shuffle(self.numbers)
        self.sources = [self.numbers.pop() for _ in range(len(self.numbers) // 10)]
        self.holders = holders[len(holders) // 3 :]
        self.end = self.size

    def tamper(self, way: str, rows: int) -> None:
        """Do one of the ways to so many rows or a few more. Cut off before all others; rolled back is the store."""
        if way == "cut off":
            self._cut(rows)
            return
        if way == "rolled back":
            self._rolled_back()
            return
        step: Callable[[], None] = getattr(self, "_" + way.replace(" ", "_").replace("-", ""))
        while sum(one.way == way for one in self.done) < rows:
            step()

    def _draw(self) -> int:
        # The row before the end stays, so that the end is where it was cut.
        while (number := self.numbers.pop()) >= self.end - 1:
            pass
        return number

    def _note(self, way: str, *names: Name, others: Iterable[Name] = ()) -> None:
        self.done.append(Tampered(way, frozenset(names), frozenset(others)))

    def _edited(self) -> None:
        if self.random.random() < 0.2:
            self._edited_node()
            return
        number = self._draw()
        row = self.ids[number]
        column = self.random.choice(CONTENT)
        (old,) = self.dba.execute(f"SELECT {column} FROM receipts WHERE id = ?", (row,)).fetchone()
        self.dba.execute(f"UPDATE receipts SET {column} = ? WHERE id = ?", (self._other(column, old), row))
        self._note("edited", (f"receipts/{row}", "fsck.receipt_edited"))

    def _other(self, column: str, old: object) -> object:
        if isinstance(old, bytes | memoryview):
            value = bytearray(old)
            value[self.random.randrange(len(value))] ^= 1 << self.random.randrange(8)
            return bytes(value)
        if isinstance(old, int):
            return old + self.random.choice([-1, 1, 1000])
        if column == "kind":
            return self.random.choice([kind.value for kind in ReceiptKind if kind.value != old])
        if old is not None:
            return None
        tables = {"holder_id": "holders", "party_id": "parties", "grant_id": "grants", "copy_id": "copies"}
        table = tables.get(column, "returns")
        if column == "reason":
            return "pull.not_found"
        if table == "holders":
            return self.random.choice(self.holders)
        return self.dba.execute(f"SELECT id FROM {table} ORDER BY id LIMIT 1").fetchone()[0]

    def _edited_node(self) -> None:
        number, level = self._draw(), self.random.choice([0, 0, 0, 1, 2, 3])
        index = number >> level
        # Each node is edited once: the rows under it are spent.
        spent = range(index << level, (index + 1) << level)
        if spent.stop > self.end or any(one != number and one not in self.numbers for one in spent if level):
            return
        self.numbers = [one for one in self.numbers if one not in spent]
        where = 'WHERE level = ? AND "index" = ?'
        (old,) = self.dba.execute(f"SELECT hash FROM log_nodes {where}", (level, index)).fetchone()
        self.dba.execute(f"UPDATE log_nodes SET hash = ? {where}", (self._other("hash", old), level, index))
        self._note("edited", (f"log_nodes/{level}/{index}", "fsck.log_node_edited"))

    def _deleted(self) -> None:
        number = self._draw()
        row = self.ids[number]
        self.dba.execute("DELETE FROM receipts WHERE id = ?", (row,))
        self._note(
            "deleted", (f"receipts/#{number}", "fsck.receipt_missing"), others=[(f"receipts/{row}", "fsck.row_missing")]
        )
        also, node = self.random.random(), 'log_nodes WHERE level = 0 AND "index" = ?'
        if also < 0.2:
            self.dba.execute(f"DELETE FROM {node}", (number,))
            self._note("deleted", (f"log_nodes/0/{number}", "fsck.log_node_missing"))
        elif also < 0.4 and number ^ 1 in self.numbers:
            # Nothing but the root tells its true value any more; of two such neighbours it could not say which.
            self.numbers.remove(number ^ 1)
            value = self.random.randbytes(32)
            self.dba.execute('UPDATE log_nodes SET hash = ? WHERE level = 0 AND "index" = ?', (value, number))
            self._note("edited", (f"log_nodes/0/{number}", "fsck.log_node_edited"))

    def _inserted(self) -> None:
        self.forged += 1
        row = f"rcpt_forged{self.forged}"
        number = self.size + FAR + self.forged
        if self.random.random() < 0.4:
            number = self._draw()
            gone = self.ids[number]
            self.dba.execute("DELETE FROM receipts WHERE id = ?", (gone,))
            self._note(
                "deleted",
                (f"receipts/#{number}", "fsck.receipt_missing"),
                others=[(f"receipts/{gone}", "fsck.row_missing")],
            )
        columns = ", ".join(CONTENT)
        source = self.ids[self.random.choice([one for one in self.sources if one < self.end])]
        self.dba.execute(
            f"INSERT INTO receipts (id, number, {columns}) SELECT ?, ?, {columns} FROM receipts WHERE id = ?",
            (row, number, source),
        )
        if self.random.random() < 0.5:
            self.dba.execute("UPDATE receipts SET promise = ? WHERE id = ?", (self.random.randbytes(64), row))
        self._note("inserted", (f"receipts/{row}", "fsck.receipt_inserted"))

    def _swapped(self) -> None:
        first, second = (self.ids[self._draw()] for _ in range(2))
        columns, code = self.random.choice(
            [
                (CONTENT, "fsck.receipt_swapped"),
                (PROVEN, "fsck.receipt_swapped"),
                (("details_enc",), "fsck.receipt_edited"),
                (("promise",), "fsck.receipt_edited"),
            ]
        )
        self._exchange("receipts", columns, first, second)
        for row in (first, second):
            self._note("swapped", (f"receipts/{row}", code))

    def _exchange(self, table: str, columns: Iterable[str], first: str, second: str) -> None:
        names = list(columns)
        select = f"SELECT {', '.join(names)} FROM {table} WHERE id = ?"
        rows = [self.dba.execute(select, (row,)).fetchone() for row in (first, second)]
        update = f"UPDATE {table} SET {', '.join(f'{name} = ?' for name in names)} WHERE id = ?"
        for row, values in ((first, rows[1]), (second, rows[0])):
            self.dba.execute(update, (*values, row))

    def _reordered(self) -> None:
        cycle = [self._draw() for _ in range(self.random.randint(2, LONGEST_CYCLE))]
        for number in cycle:
            self.dba.execute("UPDATE receipts SET number = ? WHERE number = ?", (-1 - number, number))
        for number, to in zip(cycle, cycle[1:] + cycle[:1], strict=True):
            self.dba.execute("UPDATE receipts SET number = ? WHERE number = ?", (to, -1 - number))
            self._note("re-ordered", (f"receipts/{self.ids[number]}", "fsck.receipt_moved"))

    def _keys_swapped(self) -> None:
        first, second = self.keyed.pop(), self.keyed.pop()
        self._exchange("holders", KEY, first, second)
        for row in (first, second):
            self._note("keys swapped", (f"holders/{row}", "fsck.holder_key"))

    def _cut(self, rows: int) -> None:
        self.end = self.size - rows
        name = (f"receipts/#{self.end}..#{self.size - 1}", "fsck.log_cut_off")
        gone = self.dba.execute("SELECT id FROM receipts WHERE number >= ?", (self.end,)).fetchall()
        self.dba.execute("DELETE FROM receipts WHERE number >= ?", (self.end,))
        for (row,) in gone:
            self._note("cut off", name, others=[(f"receipts/{row}", "fsck.row_missing")])

    def _rolled_back(self) -> None:
        assert self.size == self.log.older_size, "the store is the older one"
        name = (f"receipts/#{self.size}..#{self.log.size - 1}", "fsck.log_rolled_back")
        for _ in range(self.size, self.log.size):
            self._note("rolled back", name)
