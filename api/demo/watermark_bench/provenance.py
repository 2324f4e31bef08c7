"""Which contents a large leak may come from: the service's own index of tags, filled for ten million copies.

Every copy is of a content of its own, which is the worst that can be: copies of one content share its tags. Tags are
outputs of a keyed hash, so those that no leak asks for are drawn at random; those of the leak's own contents are made
by the function that a pull calls.
"""

import csv
import io
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from api.demo.watermark_bench.cases import KEY
from api.demo.watermark_bench.tables import JSON, person
from api.store.database import Database, read_only
from api.store.queries.provenance import contents_with
from api.store.schema import migrate
from watermark import Record, Table, candidate_tags, provenance_tags, write_original
from watermark.examine import Examined, examine

COPIES = 10_000_000
LEAKED = 10_000
COLD = "index on disk alone"
_SHARDS, _TIMES = 256, 4
# Sorted, as they will lie; in the database's own words, since sixty million rows take Python a quarter of an hour.
_SOME = """
INSERT OR IGNORE INTO provenance (tag, content_id)
WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < :count)
SELECT CAST(:first || randomblob(15) AS BLOB), printf('cont_%032x', abs(random()) % :copies) FROM numbers ORDER BY 1
"""
_INSERT = "INSERT OR IGNORE INTO provenance (tag, content_id) VALUES (?, ?)"

Tags = Sequence[tuple[str, Sequence[bytes]]]


def licence(number: int) -> Record:
    """What an insurer pulls of a licence: two of its values, number and address, tell alone, as in most contents."""
    record = person(number, seed=11)
    home = {"住址": f"威海市环翠区人民路{1 + number % 400}号{1 + number // 400}室"}
    return Record(record.type, {**record.values, **home})


def content_name(number: int) -> str:
    """As long as the service's own."""
    return f"cont_{number:032x}"


def figures(out: Path, copies: int = COPIES, leaked: int = LEAKED) -> Iterator[dict[str, object]]:
    """Rows with `name`, `wall_ms`, `cpu_ms`: a leak of many contents, cold and warm, and a stranger's of that size."""
    records = [licence(number) for number in range(leaked)]
    own = [
        (content_name(copies + number), provenance_tags(write_original(Table([record]), JSON), JSON, KEY))
        for number, record in enumerate(records)
    ]
    with tempfile.TemporaryDirectory(dir=out) as folder:
        path = Path(folder) / "index.sqlite3"
        db = Database(f"sqlite:///{path}")
        migrate(db)
        db.close()
        begun = time.perf_counter()
        count = _fill(path, copies, own)
        size = path.stat().st_size
        yield {"name": "fill", "copies": copies, "tags": count, "bytes": size, "s": round(time.perf_counter() - begun)}
        db = Database(f"sqlite:///{path}")
        suspect = examine(_leak(records), "leak.csv")
        wanted = {name for name, _ in own}
        _forget(path)
        yield _looked_up(db, suspect, f"{leaked:,} rows, {COLD}", lambda found: found == wanted)
        yield _best(db, suspect, f"{leaked:,} rows", lambda found: found == wanted)
        strangers = examine(_leak([licence(10 * leaked + number) for number in range(leaked)]), "other.csv")
        # A number that happens to be drawn twice is no error: of a stranger's values next to nothing may be found.
        yield _best(db, strangers, f"{leaked:,} rows of strangers", lambda found: len(found) < leaked // 100)
        db.close()


def _best(db: Database, suspect: Examined, name: str, right: Callable[[set[str]], bool]) -> dict[str, object]:
    """The quickest of some, the pages that it needs in memory by then."""
    return min(
        (_looked_up(db, suspect, name, right) for _ in range(_TIMES)), key=lambda row: float(str(row["wall_ms"]))
    )


def _looked_up(db: Database, suspect: Examined, name: str, right: Callable[[set[str]], bool]) -> dict[str, object]:
    wall, cpu = time.perf_counter(), time.process_time()
    tags = candidate_tags(suspect, suspect.name, KEY)
    made = time.perf_counter()
    with read_only(db) as session:
        found = contents_with(session, tags)
    end = time.perf_counter()
    return {
        "name": name,
        "wall_ms": round((end - wall) * 1000, 1),
        "cpu_ms": round((time.process_time() - cpu) * 1000, 1),
        "tags_ms": round((made - wall) * 1000, 1),
        "asked": len(tags),
        "found": len(found),
        "right": right(set(found)),
    }


def _fill(path: Path, copies: int, own: Tags) -> int:
    """Fill the table in the order of the tags; how many stand in it. Nothing of this is ever to survive a crash."""
    each = sum(len(tags) for _, tags in own) / len(own)
    connection = sqlite3.connect(path, isolation_level=None)
    for setting in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -200000", "locking_mode = EXCLUSIVE"):
        connection.execute(f"PRAGMA {setting}")
    connection.execute("BEGIN")
    for shard in range(_SHARDS):
        count = round(copies * each * (shard + 1) / _SHARDS) - round(copies * each * shard / _SHARDS)
        connection.execute(_SOME, {"first": bytes([shard]), "count": count, "copies": copies})
    connection.executemany(_INSERT, sorted((tag, name) for name, tags in own for tag in tags))
    connection.execute("COMMIT")
    (total,) = connection.execute("SELECT count(*) FROM provenance").fetchone()
    connection.close()
    return int(total)


def _forget(path: Path) -> None:
    """Let the system drop the file's pages from memory, as after a start."""
    os.sync()
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _leak(records: Sequence[Record]) -> bytes:
    """A plain table in another order, its columns turned about."""
    names = sorted({name for record in records for name in record.values}, reverse=True)
    out = io.StringIO()
    writer = csv.DictWriter(out, names)
    writer.writeheader()
    writer.writerows(record.values for record in reversed(records))
    return out.getvalue().encode()
