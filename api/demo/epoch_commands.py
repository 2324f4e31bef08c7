"""What `mydata epoch` does: list the epochs of marking keys, and open the next one."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from api.services import epochs
from api.services.context import Context
from api.settings import Settings
from api.wiring import wire


def show_epochs(settings: Settings, console: Console) -> None:
    """`mydata epoch list`: every epoch of marking keys, newest first."""
    with _context(settings) as ctx:
        found = epochs.list_all(ctx)
    table = Table("密钥期 epoch", "开启 opened", "密钥哈希 key hash", "日志 entry", "上链 recorded", "标记 marks")
    for one in found:
        opened = datetime.fromtimestamp(one.opened_at_ms / 1000, UTC).isoformat(timespec="seconds")
        number = "—" if one.number is None else f"#{one.number}"
        marks = ["✓" if is_so else "" for is_so in (one.recorded, one.marks)]
        table.add_row(one.id, opened, one.key_sha256.hex(), number, *marks)
    console.print(table)


def rotate_epoch(settings: Settings, console: Console) -> None:
    """`mydata epoch rotate`: open the next epoch; the running service turns to it once its receipt has a number."""
    with _context(settings) as ctx:
        opened = epochs.rotate(ctx)
    console.print(f"{opened.id} sha256 {opened.key_sha256.hex()}", highlight=False, soft_wrap=True)


@contextlib.contextmanager
def _context(settings: Settings) -> Iterator[Context]:
    ctx = wire(settings).ctx
    try:
        yield ctx
    finally:
        ctx.db.close()
