"""`python -m devnet embedded|anvil|geth|besu`: chains for development, on loopback unless told otherwise."""

import argparse
import importlib.util
import ipaddress
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

DEFAULT_CHAIN_ID = 777001
MAX_CHAIN_ID = 2**53 - 1
MAX_PORT = 65_535
IN_USE = 75  # EX_TEMPFAIL (sysexits.h)
MAX_INTERVAL_S = 3600.0
MAX_SEALERS = 16
ADDRESS_BYTES = 20


def main(arguments: list[str] | None = None) -> int:
    """Run an engine until it is told to stop.

    Returns the exit code: 0 stopped, 1 could not run, 2 wrong arguments, 75 the directory is in use.
    """
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    if options.engine in {"geth", "besu"}:
        return _geth(options) if options.engine == "geth" else _besu(options)
    if not _is_loopback(options.host):
        sys.stderr.write(f"warning: {options.host} is not loopback; whoever reaches this node may write to it\n")
    return _embedded(options) if options.engine == "embedded" else _anvil(options)


def _embedded(options: argparse.Namespace) -> int:
    if importlib.util.find_spec("sha3") is not None:
        # Read when the first hash is taken: the C implementation is five times the speed of the default.
        os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")
    from devnet import embedded
    from devnet.store import StoreError

    try:
        embedded.run(
            options.data,
            host=options.host,
            port=options.port,
            chain_id=options.chain_id,
            interval_s=options.interval,
            ready_file=options.ready_file,
        )
    except embedded.DirectoryInUseError as failed:
        sys.stderr.write(f"error: {failed}\n")
        return IN_USE
    except (StoreError, OSError) as failed:
        sys.stderr.write(f"error: {failed}\n")
        return 1
    return 0


def _anvil(options: argparse.Namespace) -> int:
    from devnet import anvil

    try:
        anvil.run(
            host=options.host,
            port=options.port,
            chain_id=options.chain_id,
            interval_s=options.interval,
            ready_file=options.ready_file,
        )
    except (anvil.AnvilMissingError, anvil.AnvilFailedError, OSError) as failed:
        sys.stderr.write(f"error: {failed}\n")
        return 1
    return 0


def _geth(options: argparse.Namespace) -> int:
    from devnet import geth, geth_keeper
    from devnet.geth_genesis import GethFailedError

    try:
        geth_keeper.run(
            options.data,
            nodes=options.nodes,
            port=options.port,
            chain_id=options.chain_id,
            period_s=options.interval,
            ready_file=options.ready_file,
        )
    except (geth.GethMissingError, GethFailedError, OSError) as failed:
        sys.stderr.write(f"error: {failed}\n")
        return 1
    return 0


def _besu(options: argparse.Namespace) -> int:
    from devnet import besu

    try:
        besu.write(
            options.data,
            nodes=options.nodes,
            port=options.port,
            chain_id=options.chain_id,
            period_s=options.interval,
            accounts=options.account,
        )
    except (besu.BesuConfigError, OSError) as failed:
        sys.stderr.write(f"error: {failed}\n")
        return 1
    sys.stdout.write(f"written; start the network with {options.data / 'start'} or docker compose\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m devnet", description="Chains for development and tests.")
    engines = parser.add_subparsers(dest="engine", required=True)
    embedded = engines.add_parser("embedded", help="a durable chain on py-evm; needs nothing but Python")
    embedded.add_argument("--data", type=Path, required=True, metavar="DIR", help="the chain's directory")
    geth = engines.add_parser("geth", help="a network of geth sealers (Clique) on this machine, without fees")
    geth.add_argument("--data", type=Path, required=True, metavar="DIR", help="the network's directory")
    geth.add_argument("--nodes", type=_within(1, MAX_SEALERS), default=4, metavar="N", help="sealers (default: 4)")
    geth.add_argument(
        "--interval", type=_within(1, 3600), default=1, metavar="S", help="seconds between blocks (default: 1)"
    )
    besu = engines.add_parser("besu", help="write the files of a besu network (QBFT); runs nothing")
    besu.add_argument("--data", type=Path, required=True, metavar="DIR", help="where to write them")
    besu.add_argument("--nodes", type=_within(1, MAX_SEALERS), default=4, metavar="N", help="validators (default: 4)")
    besu.add_argument("--interval", type=_within(1, 3600), default=1, metavar="S", help="seconds between blocks")
    besu.add_argument("--port", type=_within(1, MAX_PORT - MAX_SEALERS), default=8545, metavar="N", help="of node 0")
    besu.add_argument("--chain-id", type=_within(1, MAX_CHAIN_ID), default=DEFAULT_CHAIN_ID, metavar="N")
    besu.add_argument(
        "--account", type=_account, action="append", default=[], metavar="0x…", help="may send (default: anybody)"
    )
    anvil = engines.add_parser("anvil", help="Foundry's anvil; fast, keeps nothing")
    for engine in (embedded, anvil):
        engine.add_argument("--host", default="127.0.0.1", help="address to listen on (default: loopback)")
        engine.add_argument(
            "--interval", type=_interval, default=0.0, metavar="S", help="seconds between blocks (default: at once)"
        )
    for engine in (embedded, anvil, geth):
        engine.add_argument(
            "--port", type=_within(0, MAX_PORT), required=True, metavar="N", help="0 chooses a free port"
        )
        engine.add_argument("--chain-id", type=_within(1, MAX_CHAIN_ID), default=DEFAULT_CHAIN_ID, metavar="N")
        engine.add_argument(
            "--ready-file", type=Path, metavar="PATH", help="written with the URL once the node answers"
        )
    return parser


def _account(text: str) -> bytes:
    address = bytes.fromhex(text.removeprefix("0x"))
    if len(address) != ADDRESS_BYTES:
        raise argparse.ArgumentTypeError(f"must be {ADDRESS_BYTES} bytes in hexadecimal")
    return address


def _within(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"must be {least} to {most}")
        return value

    return number


def _interval(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= MAX_INTERVAL_S:
        raise argparse.ArgumentTypeError(f"must be 0 to {MAX_INTERVAL_S:g} seconds")
    return seconds


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


if __name__ == "__main__":
    sys.exit(main())
