"""Tables issued as JSON, CSV and XLSX, changed as people change tables, and traced.

The leaks carry neither header nor id column: what names the leaker is order and spelling alone.
"""

import csv
import io
import json
import random
import sqlite3
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from openpyxl import Workbook, load_workbook

from api.demo.watermark_bench.cases import KEY, Issue, ask, judged
from watermark import Record, Table, Verdict, carrier_for, write_original

JSON, CSV = "application/json", "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MARK_COLUMN = "_mydata"
Rows = list[dict[str, str]]
Leak = tuple[bytes, str]


def person(number: int, seed: int = 7) -> Record:
    """A driving licence of nobody: values from a seeded generator."""
    rng = random.Random(f"{seed}/{number}")  # noqa: S311 - repeatable by design, nothing secret
    day = f"{rng.randint(1950, 2005)}{rng.randint(1, 12):02}{rng.randint(1, 28):02}"
    name = rng.choice("王李张刘陈杨赵黄周吴") + "".join(rng.choice("伟芳娜敏静丽强磊军洋") for _ in range(2))
    return Record(
        "机动车驾驶证",
        {
            "证号": f"371099{day}{rng.randint(0, 9999):04}",
            "姓名": name,
            "性别": rng.choice("男女"),
            "准驾车型": rng.choice(("C1", "C2", "B1", "A2")),
            "有效期至": f"20{rng.randint(27, 36)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
            "住址": f"威海市环翠区人民路{rng.randint(1, 400)}号{rng.randint(1, 9)}单元（东）",
            "发证机关": "演示市公安局交警支队",
        },
    )


def issue_table(media_type: str, rows: int, candidates: int) -> Issue:
    """So many licences, issued to so many entities."""
    kind = {JSON: "json", CSV: "csv", XLSX: "xlsx"}[media_type]
    original = write_original(Table([person(number) for number in range(rows)], {"schema": "copy/1"}), media_type)
    return Issue(f"content_{kind}_{rows}", media_type, original, candidates)


def rows_of(data: bytes) -> Rows:
    """Rows of a copy, names in the copy's order, without header and id column."""
    if data[:1] == b"{":
        return [dict(record["values"]) for record in json.loads(data)["records"]]
    if data[:2] == b"PK":
        lines = [["" if cell is None else str(cell) for cell in line] for line in _sheet(data)]
        names, lines = lines[1], lines[2:]
    else:
        names, *lines = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    kept = [at for at, name in enumerate(names) if name not in {MARK_COLUMN, "type"}]
    return [{names[at]: line[at] for at in kept} for line in lines]


def _sheet(data: bytes) -> list[list[object]]:
    book = load_workbook(io.BytesIO(data), read_only=True)
    lines = [list(line) for line in book.worksheets[0].iter_rows(values_only=True)]
    book.close()
    return lines


def as_csv(rows: Rows, encoding: str = "utf-8", delimiter: str = ",") -> bytes:
    """Plain CSV."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer.writerow(names)
    writer.writerows([row.get(name, "") for name in names] for row in rows)
    return out.getvalue().encode(encoding, "replace")


def as_xlsx(rows: Rows) -> bytes:
    """A workbook as people make them."""
    book = Workbook()
    sheet = book.active
    names = list(rows[0])
    sheet.append(names)
    for row in rows:
        sheet.append([row.get(name, "") for name in names])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _database(rows: Rows) -> Rows:
    """Into a table of SQLite and out again, in the order in which the database keeps them."""
    names = list(rows[0])
    columns = ", ".join(f'"{name}" TEXT' for name in names)
    with sqlite3.connect(":memory:") as database:
        database.execute(f"CREATE TABLE leak ({columns})")
        marks = ", ".join("?" * len(names))
        database.executemany(f"INSERT INTO leak VALUES ({marks})", [list(row.values()) for row in rows])  # noqa: S608 - only question marks
        found = database.execute("SELECT * FROM leak").fetchall()
    return [dict(zip(names, line, strict=True)) for line in found]


def _mapped(rows: Rows, change: Callable[[str], str]) -> Rows:
    return [{name: change(value) for name, value in row.items()} for row in rows]


def _squeezed(text: str) -> str:
    """A white-space filter: blanks of all kinds and zero-width characters out."""
    return "".join(char for char in text if not char.isspace() and unicodedata.category(char) != "Cf")


def _some(rows: Rows, count: int) -> Rows:
    return rows[:count]


def _columns(rows: Rows, count: int) -> Rows:
    return [dict(list(row.items())[:count]) for row in rows]


def _shuffled(rows: Rows) -> Rows:
    mixed = list(rows)
    random.Random("shuffle").shuffle(mixed)  # noqa: S311 - repeatable by design
    return mixed


def _dropped(rows: Rows, share: float) -> Rows:
    """A random subset, in order."""
    rng = random.Random("subset")  # noqa: S311 - repeatable by design
    return [row for row in rows if rng.random() < share]


def _by_number(rows: Rows) -> Rows:
    return sorted(rows, key=lambda row: row["证号"])


def _canonical(rows: Rows) -> bytes:
    """Rows and names sorted: nothing of the mark is left."""
    return json.dumps([dict(sorted(row.items())) for row in _by_number(rows)], ensure_ascii=False).encode()


def _pasted(rows: Rows) -> Rows:
    """Put into the middle of a table of other people."""
    others = [dict(person(number, seed=99).values) for number in range(60)]
    names = list(rows[0])
    return [{name: row.get(name, "") for name in names} for row in (*others[:30], *rows, *others[30:])]


def _pandas(rows: Rows) -> bytes:
    """As a data frame writes them: a first column without a name that counts from 0."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["", *rows[0]])
    writer.writerows([number, *row.values()] for number, row in enumerate(rows))
    return out.getvalue().encode()


def _message(rows: Rows) -> bytes:
    """Pasted into a message: tabs between cells."""
    return "\n".join("\t".join(row.values()) for row in rows).encode()


@dataclass(frozen=True)
class TableAttack:
    """What is done to the rows of a copy; `act` gives the leak. `nameable`: order is left, so the leaker should be."""

    name: str
    act: Callable[[Rows], Leak]
    nameable: bool = True


ATTACKS = (
    TableAttack("as CSV, header and ids off", lambda r: (as_csv(r), "leak.csv")),
    TableAttack("as XLSX", lambda r: (as_xlsx(r), "leak.xlsx")),
    TableAttack("as a list in JSON", lambda r: (json.dumps(r, ensure_ascii=False).encode(), "leak.json")),
    TableAttack("data frame and back", lambda r: (_pandas(r), "leak.csv")),
    TableAttack("database and back", lambda r: (as_csv(_database(r)), "leak.csv")),
    TableAttack("half of the rows, in order", lambda r: (as_csv(_dropped(r, 0.5)), "leak.csv")),
    TableAttack("three columns", lambda r: (as_csv(_columns(r, 3)), "leak.csv")),
    TableAttack("names sorted, rows as they are", lambda r: (as_csv([dict(sorted(x.items())) for x in r]), "leak.csv")),
    TableAttack("NFKC", lambda r: (as_csv(_mapped(r, lambda v: unicodedata.normalize("NFKC", v))), "leak.csv")),
    TableAttack("exported as GBK", lambda r: (as_csv(r, "gb18030"), "leak.csv")),
    TableAttack("white-space filter", lambda r: (as_csv(_mapped(r, _squeezed)), "leak.csv")),
    TableAttack("pasted into another table", lambda r: (as_csv(_pasted(r)), "leak.csv")),
    TableAttack("pasted into a message", lambda r: (_message(r), "leak.txt")),
    TableAttack("rows sorted by number", lambda r: (as_csv(_by_number(r)), "leak.csv"), nameable=False),
    TableAttack("rows shuffled", lambda r: (as_csv(_shuffled(r)), "leak.csv"), nameable=False),
    TableAttack("rows and names sorted", lambda r: (_canonical(r), "leak.json"), nameable=False),
)


def merged(one: Rows, other: Rows) -> Rows:
    """Two entities' copies of one content: the first half of one, then what the other has besides, in its order."""
    first = one[: len(one) // 2]
    seen = {row["证号"] for row in first}
    names = list(first[0])
    return [*first, *({name: row[name] for name in names} for row in other if row["证号"] not in seen)]


def interleaved(one: Rows, other: Rows) -> Rows:
    """Row by row in turns, without repeats."""
    seen: set[str] = set()
    out: Rows = []
    for pair in zip(one, other, strict=True):
        for row in pair:
            if row["证号"] not in seen:
                seen.add(row["证号"])
                out.append({name: row[name] for name in one[0]})
    return out


def table_cases(
    issue: Issue, attacks: Sequence[TableAttack] = ATTACKS
) -> Iterator[tuple[dict[str, object], Verdict | None]]:
    """All attacks on one table, and two copies merged in two ways: figures and the verdict."""
    guilty, second = issue.leakers(2)
    rows, other = rows_of(issue.file(guilty)), rows_of(issue.file(second))
    contents = issue.contents()
    for attack in attacks:
        suspect, name = attack.act(rows)
        asked = ask(suspect, name, contents)
        told = judged(asked, [guilty], issue.candidates)
        yield {"content": issue.content_id, "attack": attack.name, "nameable": attack.nameable} | told, asked.verdict
    for name, both in (("merged: half and rest", merged(rows, other)), ("merged: in turns", interleaved(rows, other))):
        asked = ask(as_csv(both), "leak.csv", contents)
        told = judged(asked, [guilty, second], issue.candidates)
        yield {"content": issue.content_id, "attack": name, "nameable": True} | told, asked.verdict


def rows_needed(media_type: str, candidates: int, most: int = 40) -> dict[str, object]:
    """How many rows in issued order name the leaker at 1e-6, and identify it at 1e-9: order alone, and as issued.

    Order alone: two columns, sorted by name, so that neither columns nor spelling help. As issued: the copy's own
    spelling and names are left, header and ids are off.
    """
    needed: dict[str, object] = {"candidates": candidates, "kind": media_type}
    for way in ("order alone", "spelling intact"):
        for outcome in ("suspect", "identified"):
            needed[f"{way}: {outcome}"] = None
        for count in range(6, most + 1):
            issue = issue_table(media_type, count, candidates)
            (guilty,) = issue.leakers(1)
            suspect, name = _reduced(issue.file(guilty), way)
            asked = ask(suspect, name, issue.contents())
            told = judged(asked, [guilty], candidates)
            if told["named"] and needed[f"{way}: suspect"] is None:
                needed[f"{way}: suspect"] = count
            if told["named"] and told["outcome"] == "identified":
                needed[f"{way}: identified"] = count
                break
    return needed


def _reduced(copy: bytes, way: str) -> Leak:
    if way == "order alone":
        rows = [{name: row[name] for name in ("住址", "证号")} for row in rows_of(copy)]
        return as_csv(rows), "leak.csv"
    text = copy.decode()
    records = text[text.index('"records"') :]
    return ("{" + records).encode(), "leak.json"


def embed_ms(rows: int = 100, repeats: int = 20) -> float:
    """Milliseconds of processor time to mark JSON of so many records, the best of `repeats`."""
    issue = issue_table(JSON, rows, 1)
    carrier = carrier_for(JSON)
    taken = []
    for number in range(repeats):
        begun = time.process_time()
        carrier.embed(issue.original, issue.mark(number), KEY)
        taken.append((time.process_time() - begun) * 1000)
    return min(taken)


def altered(media_type: str, rows: int = 200) -> int:
    """Values of a marked table that are not the original's, over all rows; rows are matched by their number."""
    issue = issue_table(media_type, rows, 10)
    wanted = {row["证号"]: row for row in (dict(person(number).values) for number in range(rows))}
    found = rows_of(issue.file(3))
    if sorted(row["证号"] for row in found) != sorted(wanted):
        return rows
    return sum(wanted[row["证号"]][name] != value for row in found for name, value in row.items())
