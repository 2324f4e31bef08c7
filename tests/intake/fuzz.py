"""Bad, malformed and hostile files by the hundred thousand: `python -m tests.intake.fuzz --files 100000`.

Each is made from a good one by a seed, so that any can be made again. Whatever comes in there is one of two answers: an
error of the catalogue, or rows of which each is taken or refused by name. Anything else is a crash.
"""

import argparse
import io
import json
import os
import random
import re
import resource
import sys
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from api import locale
from api.documents.heads import TableLimits
from api.documents.tables import RowBad, RowWarned, read_department_file
from api.errors import ApiError
from tests.flow.files import SCHEMA, licences, table
from tests.intake import books

LIMITS = TableLimits(max_bytes=1 << 20, max_rows=400)
LARGEST = LIMITS.max_bytes + 100_000
TODAY = date(2026, 11, 23)
ENCODINGS = ("utf-16", "utf-16-be", "utf-32", "shift_jis", "euc_kr", "big5", "latin-1", "cp1252")
SPICES: Sequence[bytes] = (
    b"\0", b'"', b'"""', b"\r", b"\xff\xfe", b"\xef\xbb\xbf", b"=cmd|' /C calc'!A0", b"@SUM(1)", b"\x85", b"\t",
    b"\xe2\x80\xa8", b"{", b"[", b"<!DOCTYPE x>", b"<f>1</f>", b"1e999", b"-0", b"\xed\xa0\x80", b"]]>", b"&#x0;",
    b"NaN", b",,,,",
)  # fmt: skip
DOCTYPE = b'<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&a;&a;"><!ENTITY e SYSTEM "file:///etc/passwd">]>'


@dataclass
class Outcome:
    """What became of a run: how many files, by answer; what crashed, by seed; the slowest file in seconds."""

    files: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    crashes: list[tuple[int, str]] = field(default_factory=list)
    slowest: tuple[float, int] = (0.0, 0)


def good_files() -> list[bytes]:
    """One of each form and encoding."""
    rows = licences(0, 12)
    return [
        table(rows),
        table(rows, encoding="gb18030"),
        books.workbook(rows),
        books.workbook(rows, change=lambda sheet: sheet.merge_cells("B3:C4")),
        books.json_list(rows),
        books.json_lines(rows),
        b'{"records": ' + books.json_list(rows, indent=1) + b"}",
    ]


def _cut(rnd: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    return data[: rnd.randrange(len(data))]


def _flip(rnd: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    made = bytearray(data)
    for _ in range(rnd.choice((1, 2, 8, 64))):
        made[rnd.randrange(len(made))] = rnd.randrange(256)
    return bytes(made)


def _spice(rnd: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    for _ in range(rnd.choice((1, 3, 20))):
        at = rnd.randrange(len(data) + 1)
        data = data[:at] + rnd.choice(SPICES) + data[at:]
    return data


def _splice(rnd: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    other = rnd.choice(others)
    return data[: rnd.randrange(len(data))] + other[rnd.randrange(len(other)) :]


def _repeat(rnd: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    start = rnd.randrange(len(data))
    part = data[start : start + rnd.choice((1, 10, 200, 1000))]
    return data[:start] + part * rnd.choice((2, 20, 100)) + data[start:]


def _recode(rnd: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    return data.decode("utf-8", "replace").encode(rnd.choice(ENCODINGS), "replace")


def _endless(rnd: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    line = data.splitlines(keepends=True)
    return line[0] + rnd.choice((b"a\n", b"\n", b",\n", b"a" * 2_000, line[-1][:500], b'"')) * rnd.choice(
        (20, 450, 600)
    )


def _nested(rnd: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    return rnd.choice((b"[", b'{"a":', b'[{"a":[')) * rnd.choice((50, 2_000, 20_000)) + data[:50]


def _part(rnd: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    """A workbook whose parts were changed before they were packed."""
    if not data.startswith(b"PK"):
        return _numbers(rnd, data, ())
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            names = [name for name in book.namelist() if name.endswith((".xml", ".rels"))]
        name = rnd.choice([*names, books.SHEET, books.SHEET])
        return books.with_part(data, name, lambda content: rnd.choice(_XML)(rnd, content))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError):
        return data  # spoilt before


def _numbers(rnd: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    """Texts as numbers, numbers as longer ones."""
    return re.sub(rb'"(\d{6,})X?"', lambda found: found[1] + b"0" * rnd.choice((0, 1, 300)), data, count=5)


_XML: Sequence[Callable[[random.Random, bytes], bytes]] = (
    lambda rnd, c: _flip(rnd, c or b" ", ()),
    lambda rnd, c: _spice(rnd, c, ()),
    lambda rnd, c: _cut(rnd, c or b" ", ()),
    lambda rnd, c: c.replace(b"?>", b"?>" + DOCTYPE, 1) if b"?>" in c else DOCTYPE + c,
    lambda rnd, c: c.replace(b'r="A2"', b'r="XFD%d"' % rnd.choice((2, 1_048_576)), 1),
    lambda rnd, c: c.replace(b'r="A2"', b'r="A%d"' % rnd.choice((0, 99_999, 999_999, 10**12)), 1),
    lambda rnd, c: c.replace(b"<v>", b"<f>1+1</f><v>", rnd.choice((1, 30))),
    lambda rnd, c: c.replace(b"<c ", b"<x:c ", rnd.choice((1, 30))),
    lambda rnd, c: c.replace(b"<v>", b"<v>" + rnd.choice((b"-1", b"1e309", b"nan", b"99999999", b"4000000000")), 20),
    lambda rnd, c: c.replace(b't="s"', b't="%s"' % rnd.choice((b"e", b"b", b"d", b"str", b"n", b"zzz")), 20),
    lambda rnd, c: c.replace(b"<row", b"<row" + b" " * 20_000, 2),
    lambda rnd, c: c.replace(b"</sheetData>", b"<row><c><v>1</v></c></row>" * 600 + b"</sheetData>"),
    lambda rnd, c: c.replace(b"<mergeCell ", b'<mergeCell ref="A1:XFD9999"/><mergeCell '),
    lambda rnd, c: c.replace(b'encoding="UTF-8"', b'encoding="UTF-16"').replace(b"UTF-8", b"GB2312"),
    lambda rnd, c: c.replace(b'sheetId="1"', b'sheetId="%d" state="hidden"' % rnd.randrange(10**9)),
)
SPOIL = (_cut, _flip, _flip, _spice, _splice, _repeat, _recode, _endless, _nested, _part, _part, _part, _numbers)


def spoilt(seed: int, good: Sequence[bytes]) -> bytes:
    """The file of a seed."""
    rnd = random.Random(seed)
    data = rnd.choice(good)
    for _ in range(rnd.choice((1, 1, 1, 2, 3))):
        data = rnd.choice(SPOIL)(rnd, data or b" ", good)[:LARGEST]
    return data


def answer(data: bytes) -> str:
    """What the reader says of a file. Raises AssertionError where that is no clear answer."""
    texts = locale.error_texts()
    rows = bad = 0
    try:
        for row in read_department_file(lambda: io.BytesIO(data), SCHEMA, demo=True, today=TODAY, limits=LIMITS).rows():
            rows += 1
            found = row.problems if isinstance(row, RowBad) else row.warnings if isinstance(row, RowWarned) else ()
            bad += isinstance(row, RowBad)
            for one in found:
                assert one.reason in texts, f"a row without a text: {one.reason}"
        assert rows <= LIMITS.max_rows + 1, "more rows than may be"
    except ApiError as error:
        refused = error
    else:
        return "all rows taken" if not bad else "rows refused" if bad == rows else "some rows refused"
    assert refused.code in texts, f"a file without a text: {refused.code}"
    assert refused.code.startswith("returns."), refused.code
    for lang in locale.LANGUAGES:
        assert "…" not in locale.error_text(refused.code, lang, refused.facts), f"{refused.code} lacks a fact"
    return refused.code


def run(seeds: Sequence[int], bombs: int = 0, *, seconds: float = float("inf")) -> Outcome:
    """Read the files of these seeds, and some bombs, one after another, until the time is over."""
    good, found, ends = good_files(), Outcome(), time.monotonic() + seconds
    bomb = books.bomb(260) if bombs else b""
    every = max(1, len(seeds) // bombs) if bombs else 0
    for at, seed in enumerate(seeds):
        if time.monotonic() > ends:
            break
        data = bomb if every and at % every == 0 else spoilt(seed, good)
        begun = time.perf_counter()
        try:
            said = answer(data)
        except Exception as error:
            found.crashes.append((seed, f"{type(error).__name__}: {error}"[:200]))
            said = "CRASH"
        found.slowest = max(found.slowest, (time.perf_counter() - begun, seed))
        found.answers[said] += 1
        found.files += 1
    return found


def own_peak_kb() -> int:
    """The most memory that this process has held, in KiB; getrusage(2) counts what its parent held when it forked."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def main() -> int:
    """Run, print what was found, and say by the exit status whether there was a crash."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--minutes", type=float, default=60.0, help="stop after so long")
    given = parser.parse_args()
    begun, before = time.monotonic(), own_peak_kb()
    seeds = range(given.first, given.first + given.files)
    found = run(seeds, bombs=given.files // 1000, seconds=given.minutes * 60)
    from api.documents.intake.grid import _shared

    _shared().close()
    result = {
        "files": found.files,
        "seconds": round(time.monotonic() - begun, 1),
        "crashes": found.crashes[:20],
        "slowest_s": round(found.slowest[0], 2),
        "slowest_seed": found.slowest[1],
        "own_memory_mb": [before >> 10, own_peak_kb() >> 10],
        "child_memory_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10,
        "answers": dict(found.answers.most_common()),
    }
    sys.stdout.write(json.dumps(result, ensure_ascii=False, indent=2) + os.linesep)
    return 1 if found.crashes else 0


if __name__ == "__main__":
    raise SystemExit(main())
