"""What runs inside one process, beside a peer: proofs, canonical JSON, marks; and the store's floor in plain SQL."""

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import rfc8785

from api.catalogue import load_catalogue
from api.demo.bench.report import Figure, percentile
from api.demo.city import City
from api.documents.copies import CopyRecord, original_csv, original_json
from api.documents.copy_sheet import CopySheetView, render_copy_sheet
from api.store.bodies import SEED_BYTES, RecordBody
from chain.canonical import Json, canonical
from chain.merkle import BatchTree, inclusion_proof, node_hash, root_of, verify_inclusion
from watermark.carriers import carrier_for
from watermark.keys import EpochKey
from watermark.payload import Mark, notice_en, notice_zh
from watermark.trace import ContentCandidates, IssuedCopy, trace

BATCH = 1024
LOG = 1 << 17
PROOFS = 4096
MARKS = 20
TRACED = 100
MIN_S = 0.4


def per_second(act: Callable[[], object], count: int, *, min_s: float = MIN_S) -> float:
    """How many of the `count` things that `act` does are done in a second; repeated for at least `min_s`."""
    done, begun = 0, time.perf_counter()
    while True:
        act()
        done += count
        spent = time.perf_counter() - begun
        if spent >= min_s:
            return done / spent


def proofs() -> list[Figure]:
    """Inclusion proofs in a batch and in a log of 131,072 leaves; the floor is the bare hashing that a proof needs."""
    leaves = [hashlib.sha256(at.to_bytes(8, "big")).digest() for at in range(LOG)]
    batch = BatchTree(leaves[:BATCH])
    made = [batch.inclusion(at) for at in range(BATCH)]

    def check() -> None:
        for at, path in enumerate(made):
            verify_inclusion(leaves[at], at, BATCH, path, batch.root)

    levels = [leaves]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([node_hash(below[at], below[at + 1]) for at in range(0, len(below), 2)])
    places = [at * 31 % LOG for at in range(PROOFS)]
    paths = {at: inclusion_proof(lambda level, index: levels[level][index], at, LOG) for at in places}

    def make_in_log() -> None:
        for at in places:
            inclusion_proof(lambda level, index: levels[level][index], at, LOG)

    def check_in_log() -> None:
        for at in places:
            verify_inclusion(leaves[at], at, LOG, paths[at], levels[-1][0])

    def hashing(depth: int) -> Callable[[], None]:
        def act() -> None:
            for at in range(BATCH):
                value = leaves[at]
                for _ in range(depth):
                    value = hashlib.sha256(b"\x01" + value + value).digest()

        return act

    bare = "hashlib alone"
    return [
        Figure("proofs", "batch of 1,024: trees built", per_second(lambda: root_of(leaves[:BATCH]), 1), "1/s"),
        Figure(
            "proofs",
            "batch of 1,024: proofs made",
            per_second(lambda: list(map(batch.inclusion, range(BATCH))), BATCH),
            "1/s",
        ),
        Figure(
            "proofs",
            "batch of 1,024: proofs verified",
            per_second(check, BATCH),
            "1/s",
            peer=per_second(hashing(10), BATCH),
            peer_name=bare,
        ),
        Figure("proofs", "log of 131,072: proofs made", per_second(make_in_log, PROOFS), "1/s"),
        Figure(
            "proofs",
            "log of 131,072: proofs verified",
            per_second(check_in_log, PROOFS),
            "1/s",
            peer=per_second(hashing(17), BATCH),
            peer_name=bare,
        ),
    ]


def canonical_json(city: City) -> list[Figure]:
    """Our writer of canonical JSON against the library rfc8785, over certificates' bodies; the bytes are compared."""
    documents: list[dict[str, Json]] = [
        {"fields": dict(certificate.values), "seed": os.urandom(SEED_BYTES).hex()}
        for certificate in city.certificates[:BATCH]
    ]
    assert all(canonical(document) == library(document) for document in documents)
    bodies = [RecordBody(certificate.values, os.urandom(SEED_BYTES)) for certificate in city.certificates[:BATCH]]
    return [
        Figure(
            "proofs",
            "canonical JSON of certificates",
            per_second(lambda: [canonical(document) for document in documents], BATCH),
            "1/s",
            peer=per_second(lambda: [library(document) for document in documents], BATCH),
            peer_name="rfc8785",
        ),
        Figure(
            "proofs",
            "leaves made: salts, commitments, hash",
            per_second(lambda: [body.leaf_hash("t", "1", 0) for body in bodies], BATCH),
            "1/s",
        ),
    ]


def library(document: Any) -> bytes:  # noqa: ANN401 - the library's own type of JSON is private
    """The peer."""
    return rfc8785.dumps(document)


def marks(city: City) -> list[Figure]:
    """Milliseconds to mark a copy, and to trace one back among 100, in this process and its sandbox."""
    catalogue = load_catalogue()
    by_type = city.by_type()
    rows = [
        CopyRecord("person.id_card", f"{at:03d}", c.values) for at, c in enumerate(by_type["person.id_card"][:20], 1)
    ]
    originals = {
        "JSON, 1 record": ("application/json", original_json(rows[:1], catalogue), "leak.json"),
        "CSV, 20 records": ("text/csv", original_csv(rows, catalogue), "leak.csv"),
        "PDF, 1 record": ("application/pdf", render_copy_sheet(CopySheetView(rows[:1], catalogue)), "leak.pdf"),
    }
    key = EpochKey("bench", os.urandom(32))
    figures = []
    for name, (media_type, original, file_name) in originals.items():
        carrier = carrier_for(media_type)
        copies, taken = [], []
        for at in range(TRACED):
            mark = Mark(
                f"copy_{at:032x}",
                f"party_{at % 10}",
                "content",
                notice_zh("某某公司", "理赔", f"{at:08x}"),
                notice_en("Some company", "claims", f"{at:08x}"),
            )
            if at >= MARKS and media_type == "application/pdf":
                # The tracer scores codes, not files: a copy that nobody leaked need not be drawn.
                copies.append(IssuedCopy(mark.copy_id, mark.entity_id, "bench", bytes(32)))
                continue
            begun = time.perf_counter()
            file = carrier.embed(original, mark, key)
            taken.append((time.perf_counter() - begun) * 1000)
            copies.append(IssuedCopy(mark.copy_id, mark.entity_id, "bench", hashlib.sha256(file).digest()))
            if at == 7:
                leak = file + b"\n" if media_type != "application/pdf" else file
        content = ContentCandidates("content", original, media_type, tuple(copies))
        traced = []
        for _ in range(5):
            begun = time.perf_counter()
            verdict = trace(leak, file_name, [content], {"bench": key})
            traced.append((time.perf_counter() - begun) * 1000)
        named = verdict.accused[0].entity_id if verdict.accused else "nobody"
        figures += [
            Figure("watermark", f"{name}: embed, median", percentile(taken, 0.5), "ms", more_is_better=False),
            Figure(
                "watermark",
                f"{name}: trace among {TRACED}, median",
                percentile(traced, 0.5),
                "ms",
                more_is_better=False,
                note=f"{verdict.outcome.value}: {named}",
            ),
        ]
    return figures


def plain_inserts(folder: Path, rows: int, body_bytes: int) -> float:
    """Rows per second of the floor: sqlite3 alone writes rows of the same size, slice by slice, each slice flushed."""
    path = folder / "floor.sqlite3"
    body = os.urandom(body_bytes)
    batches: Sequence[list[tuple[bytes, bytes]]] = [
        [(os.urandom(32), body) for _ in range(min(BATCH, rows - start))] for start in range(0, rows, BATCH)
    ]
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE floor (id BLOB PRIMARY KEY, body BLOB NOT NULL)")
        begun = time.perf_counter()
        for batch in batches:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO floor VALUES (?, ?)", batch)
            connection.execute("COMMIT")
        spent = time.perf_counter() - begun
    path.unlink()
    return rows / spent
