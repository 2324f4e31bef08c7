"""`python -m api.demo.bench [--records N] [--pulls N] [--database URL] [--large] [--json FILE]`: all figures."""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from api import launch
from api.demo import postgres, up
from api.demo.bench import alone, large, machine, revocations, stack
from api.demo.bench.report import Figure, percentile, print_figures
from api.demo.bench.stack import Bench
from api.demo.city import City, generate_city
from api.demo.flow import Town
from api.errors import ApiError
from api.locale import error_text
from chain.errors import ChainError

FSYNCS = 400
BUNDLES = 50
TRACES = 20


def run(
    records: int, pulls: int, clients: int, console: Console, database: str = "", large_mb: int = 0
) -> dict[str, object]:
    """Measure everything and print it; the JSON document.

    `database` is the URL of an empty database, `postgresql` for a temporary server, or nothing for SQLite.
    """
    before = machine.describe()
    city = generate_city(records, records)
    with tempfile.TemporaryDirectory(prefix="mydata-bench-") as name:
        figures = machine_figures(Path(name))
        fsync_ms = figures[0].value
        with console.status("starting chain, worker and service") as status, postgres.store_url(database) as url:
            figures += on_stack(Path(name), city, pulls, clients, status.update, url, fsync_ms, large_mb)
        figures += other_revocations(Path(name), url, fsync_ms)
    with console.status("proofs, marks"):
        figures += alone.proofs() + alone.canonical_json(city) + alone.marks(city)
    after = machine.describe()
    console.print(f"{before['cores']} cores, {before['machine']}, Python {before['python']}", highlight=False)
    console.print(f"load average before {before['load_1_5_15_min']}, after {after['load_1_5_15_min']}", highlight=False)
    print_figures(figures, console)
    return {"before": before, "after": after, "figures": [figure.to_json() for figure in figures]}


def machine_figures(folder: Path) -> list[Figure]:
    """What a flush to disk costs where the data directory will be."""
    flushes = machine.fsync_latencies_ms(folder, FSYNCS)
    return [
        *(
            Figure(
                "machine",
                f"4 KiB write and fsync: p{share}",
                percentile(flushes, share / 100),
                "ms",
                more_is_better=False,
            )
            for share in (50, 99)
        ),
        Figure("machine", "a fixed loop of Python", machine.interpreter_ms(), "ms", more_is_better=False),
    ]


def other_revocations(folder: Path, url: str, fsync_ms: float) -> list[Figure]:
    """Revocations on the store that the other figures do not stand on, where it can be had."""
    other = "" if url.startswith(postgres.CHOICE) else postgres.CHOICE
    if other and postgres.missing() is not None:
        return []
    aside = folder / "aside"
    aside.mkdir()
    with postgres.store_url(other) as other_url:
        return revocations.revoked_alone(aside, other_url, store_name(other_url), fsync_ms)


def store_name(url: str) -> str:
    """What the store behind a URL is called."""
    return "PostgreSQL" if url.startswith(postgres.CHOICE) else "SQLite"


def on_stack(
    folder: Path,
    city: City,
    pulls: int,
    clients: int,
    say: machine.Say,
    database_url: str,
    fsync_ms: float,
    large_mb: int = 0,
) -> list[Figure]:
    """Everything that needs the real processes."""
    running = up.start(folder / "data", port=0, chain_port=0, database_url=database_url)
    town = Town(running.settings, running.url)
    bench = Bench(running, town, city, folder, clients)
    processes = {child.name: child.process.pid for child in running.stack.children if child.process is not None}
    try:
        with machine.watching(processes) as watch:
            say("returning")
            figures = stack.returned(bench)
            say("granting")
            grants, measured = stack.granted(bench, pulls * 2 // 5 + clients)
            say("pulling")
            made, again, of_pulls = stack.pulled(bench, grants, pulls)
            figures += measured + of_pulls
            say("pulling while a file is returned")
            figures += large.while_returning(bench, again, large_mb=large_mb)
            say("revoking")
            figures += revocations.revoked(bench, store_name(database_url), fsync_ms)
            say("verifying, tracing")
            figures += stack.verified(bench, made, min(BUNDLES, pulls))
            figures += stack.traced(bench, made, min(TRACES, pulls))
    finally:
        town.close()
        running.stack.stop()
    return figures + stack.memory(watch.peak_mb)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--records", type=int, default=20_000, help="rows of the returned file (default 20000)")
    parser.add_argument("--pulls", type=int, default=600, help="pulls that make a JSON copy (default 600)")
    parser.add_argument("--clients", type=int, default=8, help="clients at once (default 8)")
    parser.add_argument(
        "--database", default="", help="URL of an empty database, or postgresql for a temporary one (default SQLite)"
    )
    parser.add_argument(
        "--large", action="store_true", help=f"return a file of {large.LARGE_MB} MB as well: minutes, and memory told"
    )
    parser.add_argument("--json", type=Path, help="write all figures here")
    arguments = parser.parse_args()
    if arguments.records < 2 * arguments.pulls or not 1 <= arguments.clients <= arguments.pulls:
        parser.error("needs at least two records a pull, and no more clients than pulls")
    console = Console()
    if arguments.large:
        large.raise_limits()
    launch.end_on_sigterm()
    try:
        result = run(
            arguments.records,
            arguments.pulls,
            arguments.clients,
            console,
            arguments.database,
            large.LARGE_MB if arguments.large else 0,
        )
    except (ApiError, ChainError) as error:
        facts = error.facts if isinstance(error, ApiError) else {}
        Console(stderr=True).print(f"{error_text(error.code, 'en', facts)} [{error.code}]", markup=False)
        return 1
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
