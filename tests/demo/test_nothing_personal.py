"""After a whole demo run, no personal value that it generated stands in clear anywhere: files, database, calldata."""

import itertools
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from api.catalogue import load_catalogue
from api.demo import run
from api.demo.city import City
from api.demo.parties import demo_parties
from api.demo.stage import Demo

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


def scan(tmp_path: Path, database_url: str = "", database: Path | None = None) -> None:
    seen: dict[str, Any] = {}

    def look(demo: Demo) -> None:
        chain, scratch = tmp_path / "chain", tmp_path / "scratch"
        chain.mkdir()
        scratch.mkdir()
        wanted = patterns(personal_values(demo.city))
        seen["values"] = len(set(wanted.values()))
        seen["transactions"] = keep_calldata(demo.rpc_url, chain)
        seen["files"] = [p.relative_to(demo.folder).parts[0] for p in demo.folder.rglob("*") if p.is_file()]
        seen["bytes"] = sum(p.stat().st_size for p in demo.folder.rglob("*") if p.is_file())
        folders = [demo.folder, chain] if database is None else [demo.folder, chain, database]
        seen["hits"] = {str(f): hits for f in folders if (hits := found_in(f, wanted, scratch))}
        # The scan can see: one value at a time, planted in what was just searched, is found.
        for place, form in itertools.product([demo.folder / "planted", chain / "planted"], list(wanted)[:3]):
            place.write_bytes(b"\0\1" + form + b"\xff")
            seen.setdefault("planted", []).append(
                found_in(place.parent, wanted, scratch) == {"planted": {wanted[form]}}
            )
            place.unlink()

    result = run.run(citizens=60, records=600, console=Console(quiet=True), database_url=database_url, look=look)
    assert result["ok"] is True, [step for step in result["steps"] if not step["ok"]]
    assert seen["hits"] == {}
    assert seen["planted"] == [True] * 6
    assert seen["values"] > 500
    assert seen["transactions"] > 50
    print(f"{seen['values']} values, {seen['bytes']} bytes, {seen['transactions']} transactions: nothing in clear")


@pytest.mark.slow
def test_no_value_of_anybody_stands_in_clear(tmp_path: Path) -> None:
    scan(tmp_path)
