"""After a whole demo run, no personal value that it generated stands in clear anywhere: files, database, calldata."""

import contextlib
import itertools
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql
from rich.console import Console

from api.catalogue import load_catalogue
from api.demo import run
from api.demo.city import City
from api.demo.parties import demo_parties
from api.demo.postgres import Server, missing
from api.demo.stage import Demo
from tests.postgres import new_server

# Shorter ones turn up by chance: a sex, a class of licence, a year.
LEAST_BYTES = 8
FOLDERS_OF_WORDS = ("api", "contracts")


def personal_values(city: City) -> set[str]:
    """Every value of everybody's certificates, numbers and names."""
    found = {value for certificate in city.certificates for value in certificate.values.values()}
    for person in city.persons:
        found |= {person.number, person.name, person.address}
    for firm in city.enterprises:
        found |= {firm.uscc, firm.name, firm.address}
    return {value for value in found if "\n" not in value}


def public_words() -> str:
    """What everybody may read: the catalogue, the parties, the program itself."""
    root = Path(__file__).parents[2]
    files = [p for name in FOLDERS_OF_WORDS for p in sorted((root / name).rglob("*")) if p.suffix in WORDS]
    texts = [path.read_text(encoding="utf-8") for path in files]
    parties = [f"{party.name_zh} {party.name_en}" for party in demo_parties(load_catalogue())]
    return "\n".join(texts + parties)


WORDS = {".py", ".toml", ".csv", ".json", ".po", ".html"}


def patterns(values: set[str]) -> dict[bytes, str]:
    """Byte strings to look for, with what each is: as UTF-8, as GB 18030, as JSON escapes, as hexadecimal digits."""
    public = public_words()
    wanted = [value for value in values if len(value.encode()) >= LEAST_BYTES and not is_day(value)]
    found: dict[bytes, str] = {}
    for value in sorted(value for value in wanted if value not in public):
        utf8 = value.encode()
        escaped = value.encode("ascii", "backslashreplace")
        for form in (utf8, value.encode("gb18030"), escaped, utf8.hex().encode(), utf8.hex().upper().encode()):
            if len(form) >= LEAST_BYTES:
                found[form] = value
    return found


def is_day(value: str) -> bool:
    """A bare day says nothing of anybody, and days are everywhere."""
    return len(value) == 10 and value[4] == value[7] == "-" and value.replace("-", "").isdigit()


def found_in(folder: Path, wanted: dict[bytes, str], scratch: Path) -> dict[str, set[str]]:
    """Which files hold which values. Raw bytes, free pages and logs of the database included."""
    listed = scratch / "patterns"
    listed.write_bytes(b"\n".join(sorted(wanted)) + b"\n")
    hits: dict[str, set[str]] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        line = ["grep", "-a", "-o", "-F", "-f", str(listed), "--", str(path)]
        answer = subprocess.run(line, capture_output=True, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}, check=False)
        assert answer.returncode in {0, 1, 2}, answer.stderr
        if answer.returncode == 2 and path.exists():
            raise AssertionError(answer.stderr)
        seen = {wanted[hit] for hit in answer.stdout.splitlines() if hit in wanted}
        if seen:
            hits[str(path.relative_to(folder))] = seen
    return hits


def ask(rpc_url: str, method: str, *parameters: object) -> Any:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
    return httpx.post(rpc_url, json=body, trust_env=False, timeout=30).json()["result"]


def keep_calldata(rpc_url: str, folder: Path) -> int:
    """Write every transaction's calldata and every block into files; how many transactions there were."""
    head, count = int(ask(rpc_url, "eth_blockNumber"), 16), 0
    with (folder / "calldata").open("wb") as raw, (folder / "blocks").open("w") as told:
        for number in range(head + 1):
            block = ask(rpc_url, "eth_getBlockByNumber", hex(number), True)
            told.write(f"{block}\n")
            for transaction in block["transactions"]:
                raw.write(bytes.fromhex(transaction["input"][2:]) + b"\n")
                count += 1
    return count


@dataclass
class Database:
    """A PostgreSQL server of a demo run, and the database in it."""

    server: Server
    name: str = "demo"

    def write_out(self) -> None:
        """Let the server write its pages, so that its files hold what it knows; its journal of changes stays whole."""
        with psycopg.connect(self.server.dsn(self.name), autocommit=True) as connection:
            connection.execute("CHECKPOINT")
        # Nothing of the journal was thrown away before it was looked at.
        assert (self.server.data / "pg_wal" / "000000010000000000000001").exists()

    def unload(self, folder: Path) -> int:
        """Every row of every table as it is, one file a table: the server packs large values in its files."""
        with psycopg.connect(self.server.dsn(self.name)) as connection:
            listed = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            for (table,) in listed:
                line = sql.SQL("COPY {} TO STDOUT (FORMAT binary)").format(sql.Identifier(table))
                with (folder / table).open("wb") as raw, connection.cursor().copy(line) as copy:
                    for piece in copy:
                        raw.write(piece)
        return len(listed)

    def plant(self, value: str) -> None:
        """Put a value where the service must never put one: small, among much that can be packed, and into the log."""
        large = value + "".join(f"{number % 7}" * 40 for number in range(400))
        with psycopg.connect(self.server.dsn(self.name), autocommit=True) as connection:
            connection.execute("CREATE TABLE planted (small text, large text)")
            connection.execute("INSERT INTO planted VALUES (%s, NULL), (NULL, %s)", (value, large))
            with contextlib.suppress(psycopg.errors.DataError):
                connection.execute("SELECT CAST(CAST(%s AS text) AS integer)", (value,))


def scan(tmp_path: Path, database: Database | None = None) -> None:
    seen: dict[str, Any] = {}

    def look(demo: Demo) -> None:
        chain, scratch, tables = tmp_path / "chain", tmp_path / "scratch", tmp_path / "tables"
        for folder in (chain, scratch, tables):
            folder.mkdir()
        wanted = patterns(personal_values(demo.city))
        seen["values"] = len(set(wanted.values()))
        seen["transactions"] = keep_calldata(demo.rpc_url, chain)
        folders = [demo.folder, chain]
        if database is not None:
            database.write_out()
            assert database.unload(tables) > 30
            folders += [database.server.folder, tables]
        seen["bytes"] = sum(p.stat().st_size for f in folders for p in f.rglob("*") if p.is_file())
        seen["files"] = {str(p.relative_to(f)) for f in folders for p in f.rglob("*") if p.is_file()}
        seen["hits"] = {str(f): hits for f in folders if (hits := found_in(f, wanted, scratch))}
        # The scan can see: one value at a time, planted in what was just searched, is found.
        for place, form in itertools.product([demo.folder / "planted", chain / "planted"], list(wanted)[:3]):
            place.write_bytes(b"\0\1" + form + b"\xff")
            seen.setdefault("planted", []).append(
                found_in(place.parent, wanted, scratch) == {"planted": {wanted[form]}}
            )
            place.unlink()
        if database is not None:
            value = max(wanted.values(), key=len)
            database.plant(value)
            database.write_out()
            database.unload(tables)
            seen["in_server"] = planted_places(found_in(database.server.folder, wanted, scratch), value)
            seen["in_tables"] = found_in(tables, wanted, scratch)

    with contextlib.ExitStack() as at_end:
        url = ""
        if database is not None:
            at_end.callback(database.server.remove)
            database.server.start()
            url = database.server.create_database(database.name)
        result = run.run(citizens=60, records=600, console=Console(quiet=True), database_url=url, look=look)
    assert result["ok"] is True, [step for step in result["steps"] if not step["ok"]]
    assert seen["hits"] == {}
    assert seen["planted"] == [True] * 6
    assert seen["values"] > 500
    assert seen["transactions"] > 50
    # Logs of all processes and the chain's own files were among what was searched.
    assert {"logs/service.log", "logs/worker.log", "logs/devnet.log", "calldata", "blocks"} <= seen["files"]
    if database is not None:
        assert seen["in_server"] == {"pages", "journal", "log"}
        assert set(seen["in_tables"]) == {"planted"}
    print(f"{seen['values']} values, {seen['bytes']} bytes, {seen['transactions']} transactions: nothing in clear")


def planted_places(hits: dict[str, set[str]], value: str) -> set[str]:
    """In which parts of a server's directory a value was found."""
    parts = {"data/base/": "pages", "data/pg_wal/": "journal", "server.log": "log"}
    return {
        name
        for path, values in hits.items()
        for start, name in parts.items()
        if path.startswith(start)
        if value in values
    }


@pytest.mark.slow
def test_no_value_of_anybody_stands_in_clear(tmp_path: Path) -> None:
    scan(tmp_path)


@pytest.mark.full
def test_no_value_of_anybody_stands_in_clear_on_postgresql(tmp_path: Path) -> None:
    """The server's pages, its journal since the first change, its log, and every table as it is read back."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    # All of the journal is kept to be looked at.
    scan(tmp_path, Database(new_server(wal_keep_size="8GB", max_wal_size="8GB", checkpoint_timeout="1h")))
