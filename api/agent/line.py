"""The command `mydata agent`."""

import time
from pathlib import Path

from rich.console import Console

from api.agent import columns, watching
from api.agent import keys as own_keys
from api.agent.watching import Desk, Service
from api.catalogue import load_catalogue
from api.errors import ApiError
from api.locale import error_text
from chain.trustfile import parse_trust_file
from watermark.confinement import warn_unlocked
from watermark.locks import undumpable

EVERY_S = 2.0


def run(
    folder: Path,
    url: str,
    keys: Path,
    trust: Path,
    *,
    make_keys: bool,
    once: bool,
    demo: bool,
    console: Console,
    accept: Path | None = None,
) -> bool:
    """Draw keys, accept what a report says of columns, or watch the folder until interrupted.

    With `once` one turn, and whether nothing failed in it. Raises ApiError `agent.keys`, `agent.no_columns`,
    `agent.columns_file`, ChainError for an unreadable trust file; with `once` also `agent.unreachable`.
    """
    if make_keys:
        made = own_keys.make(keys)
        console.print(f"account  {made.address}\nkey      {made.jwk}\nkeyid    {made.thumbprint}", highlight=False)
        return True
    if accept is not None:
        for header, name in columns.accept(folder, accept).items():
            console.print(f"{header} → {name or '— (不采用 / left out)'}", highlight=False, markup=False)
        return True
    if not demo:
        undumpable()
    warn_unlocked()
    known = own_keys.load(keys)
    desk = desk_of(folder, url, known, trust, demo=demo)
    (folder / "in").mkdir(parents=True, exist_ok=True)
    try:
        if once:
            failed = _failures(folder)
            moved = watching.turn(desk)
            console.print(f"{moved} 个文件已处理 / files done with", highlight=False)
            return _failures(folder) == failed
        console.print(f"正在查看 / watching {folder / 'in'}", highlight=False)
        watching.watch(desk, lambda: False, lambda error: _say(console, error), EVERY_S)
    except KeyboardInterrupt:
        pass
    finally:
        desk.service.close()
    return True


def desk_of(folder: Path, url: str, keys: own_keys.Keys, trust: Path, *, demo: bool) -> Desk:
    """What the agent works with."""
    return Desk(
        folder=folder,
        catalogue=load_catalogue(),
        account=keys.account,
        trust=parse_trust_file(trust.read_bytes()),
        service=Service(url, keys.http),
        demo=demo,
    )


def _failures(folder: Path) -> int:
    return sum(1 for _ in (folder / "failed").glob("*.report.json"))


def _say(console: Console, error: ApiError) -> None:
    at = time.strftime("%H:%M:%S")
    for lang in ("zh-Hans", "en"):
        console.print(f"{at} {error_text(error.code, lang, error.facts)}", highlight=False)
