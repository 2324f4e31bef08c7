"""`mydata up`: chain, set-up, worker, service, demo data on first start; then watch until told to stop."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from rich.console import Console

from api import launch, lifeline
from api.demo.provision import provision
from api.launch import Stack
from api.settings import Settings
from api.wiring import TRUST_FILE

CHAIN_PORT = 8545
CHAIN_URL_FILE = "devnet.url"


@dataclass(frozen=True, slots=True)
class Running:
    """A started stack: its children, and where everything answers."""

    stack: Stack
    settings: Settings
    rpc_url: str
    url: str


def start(
    data_dir: Path,
    *,
    engine: str = "embedded",
    port: int = 8000,
    chain_port: int = CHAIN_PORT,
    database_url: str = "",
    more: Mapping[str, str | int] = MappingProxyType({}),
) -> Running:
    """Start everything on one data directory and wait until the service is ready; `more` are further settings.

    Without `database_url` the environment's is taken, and without that SQLite in the data directory.

    Raises `launch.child_failed`, `launch.no_port`, and what setting up raises; whatever was started is stopped then.
    """
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    port = launch.free_port(port)
    rpc_url = engine
    stack = Stack(data_dir, launch.child_environment(data_dir))
    try:
        if engine == "embedded":
            ready = data_dir / CHAIN_URL_FILE
            ready.unlink(missing_ok=True)
            chain_dir = data_dir / "devnet"
            chosen = launch.free_port(chain_port)
            child = stack.add(
                "devnet",
                "devnet",
                "embedded",
                "--data",
                str(chain_dir),
                "--port",
                str(chosen),
                "--ready-file",
                str(ready),
            )
            launch.wait_until(launch.file_appears(ready), child)
            rpc_url = ready.read_text(encoding="utf-8").strip()
        values: dict[str, str | int] = {
            "rpc_url": rpc_url,
            "port": port,
            "engine": "embedded" if engine == "embedded" else "rpc",
            **more,
        }
        settings = Settings(data_dir=data_dir, rpc_url=rpc_url, port=port, engine=str(values["engine"]))
        settings = settings.model_copy(update=dict(more))
        if database_url:
            settings = settings.model_copy(update={"database_url": database_url})
            values["database_url"] = database_url
        stack.env.update(launch.child_environment(data_dir, **values))
        provision(settings)
        stack.add("worker", "api.worker")
        service = stack.add("service", "api.main")
        launch.wait_until(launch.answers(f"{settings.base_url}/readyz"), service)
    except BaseException:
        stack.stop()
        raise
    return Running(stack, settings, rpc_url, settings.base_url)


def run(data_dir: Path, *, engine: str, port: int, seed: bool, console: Console, database_url: str = "") -> None:
    """Start, seed, print, watch, stop."""
    from api.demo.seed import identities, seed_once

    lifeline.watch()
    with console.status("正在启动 / starting"):
        running = start(data_dir, engine=engine, port=port, database_url=database_url)
    launch.stop_on_signals(running.stack)
    try:
        if seed:
            seed_once(running.settings, console)
        _print(running, identities(running.settings), console)
        running.stack.watch()
    finally:
        with console.status("正在停止 / stopping"):
            running.stack.stop()


def _print(running: Running, people: list[tuple[str, str]], console: Console) -> None:
    trust = running.settings.data_dir / TRUST_FILE
    console.print(f"\n[bold]服务 Service[/]   {running.url}", highlight=False)
    console.print(f"[bold]链 Chain RPC[/]   {running.rpc_url}", highlight=False)
    console.print(f"[bold]信任文件 Trust[/] {trust}", highlight=False)
    console.print(f"               sha256 {hashlib.sha256(trust.read_bytes()).hexdigest()}", highlight=False)
    if people:
        console.print("\n[bold]演示身份 Demo identities[/]", highlight=False)
        for role, name in people:
            console.print(f"  {role:<12} {name}", highlight=False)
    console.print("\n[dim]Ctrl-C 停止 / stops[/]\n", highlight=False)
