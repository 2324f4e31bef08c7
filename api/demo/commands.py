"""What the smaller subcommands do: return and trace over HTTP as users, check and migrate on the data directory."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from api.catalogue import load_catalogue
from api.demo import flow
from api.demo.client import Person
from api.demo.trace_command import trace_files
from api.errors import ApiError, Kind
from api.locale import error_text
from api.policy.duties import Office
from api.services import erasure_run, offices
from api.settings import Settings
from api.store import clock
from api.store.backup import restore_database, write_backup
from api.store.crypto import Vault
from api.store.database import Database, read_only
from api.store.fsck import FsckReport, NodeChain, fsck
from api.store.fsck import Progress as Tick
from api.store.queries.epochs import key_before_epochs
from api.store.schema import migrate
from api.wiring import key_ring, log_key, read_deployment, wire
from chain.node import Web3Node


def return_file(file: Path, type_name: str, url: str, console: Console) -> bool:
    """Return a file as the department that issues its type; whether every row was good."""
    schema = load_catalogue().type_named(type_name)
    officer = _officer(url, "department", schema.department)
    return_id = flow.return_file(officer, file, schema.code)
    with Progress(console=console) as bar:
        task = bar.add_task("返还 / return", total=None)
        while True:
            item: dict[str, Any] = officer.get(f"/v1/returns/{return_id}")
            rows = item["rows"]
            done = rows["good"] + rows["bad"] + rows["duplicate"]
            bar.update(task, total=rows["total"] or None, completed=done)
            if item["state"] in {"anchored", "failed"} or (item["state"] == "checked" and not rows["good"]):
                break
            time.sleep(flow.POLL_S)
    if item["error"] is not None:
        raise ApiError(item["error"]["code"], Kind.INVALID, **item["error"]["facts"])
    console.print(
        f"{schema.zh} {schema.en}: 合格 good {rows['good']}, 提醒 warned {rows['warned']}, "
        f"不合格 bad {rows['bad']}, 重复 duplicate {rows['duplicate']} — {item['state']}"
    )
    for row in flow.bad_rows(officer, return_id, "bad")[:50]:
        text = error_text(row["reason"], "zh-Hans", row["facts"])
        console.print(f"  行 line {row['line']} {row['column'] or ''} {text} [dim]{row['reason']}[/]", highlight=False)
    return bool(rows["bad"] == 0 and item["state"] == "anchored")


def trace(files: list[Path], url: str, console: Console, into: Path | None = None) -> bool:
    """Trace files as the regulator, print the verdicts and keep reports in `into`; whether every file has its own."""
    return trace_files(_officer(url, "regulator", None), files, console, into)


def check(settings: Settings, tick: Tick | None = None) -> FsckReport:
    """Hold a data directory's store against its keys and its chain."""
    keys = key_ring(settings)
    deployment = read_deployment(settings.data_dir)
    identity = deployment.identity()
    db = Database(settings.store_url)
    node = Web3Node(settings.rpc_url)
    try:
        public = log_key(keys).public_key().public_bytes_raw()
        return fsck(
            db,
            Vault(keys),
            public,
            identity=identity,
            chain=NodeChain(node, identity),
            witnesses=settings.witness_keys,
            before_epochs=key_before_epochs(keys),
            progress=tick,
        )
    finally:
        node.close()
        db.close()


def check_store(settings: Settings, console: Console) -> bool:
    """`mydata fsck`: print what was checked and every finding; whether there was none."""
    with Progress(console=console) as bar:
        tasks: dict[str, Any] = {}

        def tick(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total or None)
            bar.update(tasks[stage], completed=done, total=total or None)

        report = check(settings, tick)
    for name, count in sorted(report.checked.items()):
        console.print(f"  {name:<16} {count}", highlight=False)
    for skipped in report.skipped:
        console.print(f"  [yellow]未核对 not compared[/] {skipped}")
    for name, count in sorted(report.unjudged.items()):
        console.print(f"  [yellow]无法核对 could not be judged[/] {name} {count}", highlight=False)
    for finding in report.findings:
        said = error_text(finding.code, "zh-Hans", {})
        console.print(f"[bold red]✗[/] {finding.table} {finding.id} {said} [dim]{finding.code}[/]", highlight=False)
    console.print(
        "[green]✓ 未发现改动 / nothing was changed[/]" if report.ok else "[bold red]✗ 数据被改动 / rows were changed[/]"
    )
    return report.ok


def migrate_store(settings: Settings, console: Console) -> None:
    """`mydata migrate`: bring the schema up to date."""
    db = Database(settings.store_url)
    try:
        console.print(f"schema {migrate(db)}", highlight=False)
    finally:
        db.close()


def found_offices(
    settings: Settings, operator: list[str], security: list[str], auditor: list[str], console: Console
) -> None:
    """`mydata found-offices`: the operator's first offices, once. Raises `duties.founding`, `duties.founded`."""
    named = [(Office.OPERATOR, operator), (Office.SECURITY, security), (Office.AUDITOR, auditor)]
    given = {number.strip(): office for office, numbers in named for number in numbers}
    if "" in given or len(given) != sum(len(numbers) for _, numbers in named):
        raise ApiError("duties.second_office")
    keys, db = key_ring(settings), Database(settings.store_url)
    try:
        if not offices.found(db, Vault(keys), keys, given):
            raise ApiError("duties.founded", Kind.CONFLICT)
    finally:
        db.close()
    console.print(f"{len(given)} 个职务已任命 / offices given", highlight=False)


def backup_store(settings: Settings, file: Path, console: Console) -> None:
    """`mydata backup`: an encrypted snapshot, and until when it can be opened. Raises `backup.…`."""
    db = Database(settings.store_url)
    try:
        with read_only(db) as session:
            now = clock.now_ms(session)
        info = write_backup(db, settings.data_dir, file, now_ms=now, key_days=settings.backup_key_days)
    finally:
        db.close()
    end = datetime.fromtimestamp(info.expires_ms / 1000, UTC).date().isoformat()
    console.print(f"[green]✓[/] {file}  密钥销毁日 key destroyed on {end}", highlight=False)


def restore_store(settings: Settings, file: Path, console: Console) -> None:
    """`mydata restore`: bring a backup back, then erase again whom the list names. Raises `backup.…`, `erasure.…`."""
    restore_database(file, settings.data_dir, settings.store_url)
    ctx = wire(settings).ctx
    try:
        migrate(ctx.db)
        again = erasure_run.reapply(ctx)
    finally:
        ctx.db.close()
    console.print(f"[green]✓[/] 已恢复 restored, 重新删除 erased again: {again}", highlight=False)


def _officer(url: str, role: str, department: str | None) -> Person:
    """Sign in as staff of the party of that role, found by the service's own list. Raises `parties.not_found`."""
    officer = Person(url)
    listed = officer.get("/v1/parties", role=role)["items"]
    party = next((item for item in listed if department is None or item["department"] == department), None)
    if party is None:
        raise ApiError("parties.not_found", Kind.NOT_FOUND)
    return officer.sign_in(role=role, party=party["id"], name="命令行 command line")
