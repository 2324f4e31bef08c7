"""Files of a besu network (QBFT): genesis, keys, node configuration, allow-lists, compose file, start script.

    python -m devnet besu --data DIR --nodes 4 --port 8545

writes them and runs nothing. `DIR/start` runs the nodes with the besu of `BESU_HOME`;
`docker compose up` in DIR does so with containers. What is configured and why:

- QBFT with at least four validators: a block is final at once while less than a third misbehave; no confirmations.
- London rules with `zeroBaseFee`, and a minimum gas price of 0.
- The sequenced pool, which lets one sender have many transactions waiting: with the default pool a relay of few keys
  fell to 37 transactions a second with "nonce too distant".
- Allow-lists for nodes (who may connect) and accounts (who may send), in files: those by contract are deprecated.
- Logs of any range, as past heads of the receipt log are sought over the whole chain.
"""

import json
import os
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import rlp
from eth_keys.datatypes import PrivateKey

IMAGE = "hyperledger/besu:24.12.2"
BLOCK_GAS_LIMIT = 500_000_000
FEWEST_VALIDATORS = 4
P2P_PORT = 30_303
VANITY_BYTES = 32
_QBFT_MIX_HASH = "0x63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365"  # besu's mark of BFT blocks


class BesuConfigError(Exception):
    """The files cannot be written as asked."""


def extra_data(validators: Sequence[bytes]) -> bytes:
    """The genesis' list of QBFT validators (20 bytes each): RLP of [vanity, validators, no vote, round 0, no seals]."""
    encoded: bytes = rlp.encode([bytes(VANITY_BYTES), sorted(validators), [], b"", []])
    return encoded


def genesis(validators: Sequence[bytes], chain_id: int, period_s: int, now_s: int) -> dict[str, Any]:
    """The genesis of a QBFT chain without fees, nobody having any money."""
    return {
        "config": {
            "chainId": chain_id,
            "berlinBlock": 0,
            "londonBlock": 0,
            "zeroBaseFee": True,
            "contractSizeLimit": 24_576,
            "qbft": {"blockperiodseconds": period_s, "epochlength": 30_000, "requesttimeoutseconds": 4 * period_s},
        },
        "nonce": "0x0",
        "timestamp": hex(now_s),
        "gasLimit": hex(BLOCK_GAS_LIMIT),
        "difficulty": "0x1",
        "mixHash": _QBFT_MIX_HASH,
        "coinbase": "0x" + bytes(20).hex(),
        "extraData": "0x" + extra_data(validators).hex(),
        "alloc": {},
    }


def write(
    folder: Path,
    *,
    nodes: int = FEWEST_VALIDATORS,
    port: int = 8545,
    chain_id: int = 777001,
    period_s: int = 1,
    accounts: Sequence[bytes] = (),
) -> None:
    """Write the network's files into `folder`, which must not hold one yet. Raises `BesuConfigError`.

    Node i answers JSON-RPC on `port` + i, on loopback. `accounts` (20 bytes each) may send transactions; where none is
    named, anybody may.
    """
    if nodes < FEWEST_VALIDATORS:
        raise BesuConfigError(f"QBFT withstands one faulty node of at least {FEWEST_VALIDATORS}, not of {nodes}")
    if (folder / "genesis.json").exists():
        raise BesuConfigError(f"{folder} holds a network already")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    keys = [PrivateKey(secrets.token_bytes(32)) for _ in range(nodes)]
    enodes = [
        f"enode://{key.public_key.to_bytes().hex()}@127.0.0.1:{P2P_PORT + number}" for number, key in enumerate(keys)
    ]
    for number, key in enumerate(keys):
        home = folder / f"node{number}"
        home.mkdir(mode=0o700)
        _write(home / "key", "0x" + key.to_bytes().hex(), 0o600)
        _write(home / "config.toml", _config(number, port, restricted=bool(accounts)))
        _write(home / "permissions.toml", _permissions(enodes, accounts))
        _write(home / "static-nodes.json", json.dumps([enode for enode in enodes if enode != enodes[number]], indent=1))
    _write(folder / "compose.yaml", _compose(nodes, port))
    _write(folder / "start", _START.format(nodes=" ".join(map(str, range(nodes)))), 0o700)
    addresses = [key.public_key.to_canonical_address() for key in keys]
    _write(folder / "validators.json", json.dumps(["0x" + address.hex() for address in addresses]))
    _write(folder / "genesis.json", json.dumps(genesis(addresses, chain_id, period_s, int(time.time())), indent=1))


def _config(number: int, port: int, *, restricted: bool) -> str:
    """Options by besu's own names; paths are relative to the network's folder, from which it is always run."""
    return f"""\
genesis-file="genesis.json"
data-path="node{number}/data"
node-private-key-file="node{number}/key"
static-nodes-file="node{number}/static-nodes.json"
data-storage-format="FOREST"
sync-mode="FULL"
min-gas-price=0

p2p-host="127.0.0.1"
p2p-port={P2P_PORT + number}
discovery-enabled=false
permissions-nodes-config-file-enabled=true
permissions-nodes-config-file="node{number}/permissions.toml"
permissions-accounts-config-file-enabled={"true" if restricted else "false"}
permissions-accounts-config-file="node{number}/permissions.toml"

rpc-http-enabled=true
rpc-http-host="127.0.0.1"
rpc-http-port={port + number}
rpc-http-api=["ETH","NET","WEB3","QBFT"]
rpc-http-max-batch-size=1024
rpc-max-logs-range=0
host-allowlist=["localhost","127.0.0.1"]

tx-pool="sequenced"
tx-pool-max-size=16384
tx-pool-limit-by-account-percentage=1
tx-pool-min-gas-price=0
"""


def _permissions(enodes: Sequence[str], accounts: Sequence[bytes]) -> str:
    """Who may connect and who may send; an absent list of accounts lets anybody send."""
    lines = [f"nodes-allowlist={json.dumps(list(enodes))}"]
    if accounts:
        lines.append(f"accounts-allowlist={json.dumps(['0x' + account.hex() for account in accounts])}")
    return "\n".join(lines) + "\n"


def _compose(nodes: int, port: int) -> str:
    """One service a node, all on the machine's own network: their configuration names loopback."""
    lines = ["services:"]
    for number in range(nodes):
        lines += [
            f"  node{number}:",
            f"    image: {IMAGE}",
            f"    command: [--config-file=node{number}/config.toml]",
            "    working_dir: /network",
            "    network_mode: host",
            "    restart: unless-stopped",
            '    user: "${UID:-1000}"',
            "    volumes: [.:/network]",
            "    healthcheck:",
            f'      test: ["CMD-SHELL", "bash -c \'</dev/tcp/127.0.0.1/{port + number}\'"]',
            "      interval: 10s",
        ]
    return "\n".join(lines) + "\n"


_START = """\
#!/bin/sh
# Runs the nodes of this folder with the besu of BESU_HOME, until one ends or Ctrl-C.
set -eu
cd "$(dirname "$0")"
: "${{BESU_HOME:?BESU_HOME must name an unpacked besu distribution (Java 21)}}"
[ -x "$BESU_HOME/bin/besu" ] || {{ echo "no besu in $BESU_HOME/bin" >&2; exit 2; }}
pids=
stop() {{ [ -z "$pids" ] || kill $pids 2>/dev/null || true; wait; }}
trap stop EXIT
trap 'exit 0' INT TERM
for number in {nodes}; do
  "$BESU_HOME/bin/besu" --config-file="node$number/config.toml" >>"node$number/log" 2>&1 &
  pids="$pids $!"
done
while kill -0 $pids 2>/dev/null; do sleep 1; done
echo "a node has ended; see node*/log" >&2
exit 1
"""


def _write(path: Path, text: str, mode: int = 0o600) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
