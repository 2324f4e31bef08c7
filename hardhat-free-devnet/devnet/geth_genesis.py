"""A new Clique network's files: keys of the sealers and of the nodes, the genesis, and each node's database with it."""

import json
import os
import secrets
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eth_keyfile.keyfile import create_keyfile_json
from eth_keys.datatypes import PrivateKey

BLOCK_GAS_LIMIT = 500_000_000
EPOCH_BLOCKS = 30_000
INIT_S = 60.0
# London and later stay off; the forks up to Berlin hold from block 0 on.
_FORKS = ("homestead", "eip150", "eip155", "eip158", "byzantium", "constantinople", "petersburg", "istanbul", "berlin")


class GethFailedError(Exception):
    """A node ended, did not answer in time, or refused what it was told."""


def genesis_of(sealers: Sequence[bytes], chain_id: int, period_s: int, now_s: int) -> dict[str, Any]:
    """The genesis of a Clique chain of these sealers, nobody having any money; its time makes its hash its own."""
    forks = {f"{name}Block": 0 for name in _FORKS}
    return {
        "config": {"chainId": chain_id, **forks, "clique": {"period": period_s, "epoch": EPOCH_BLOCKS}},
        "difficulty": "0x1",
        "gasLimit": hex(BLOCK_GAS_LIMIT),
        "timestamp": hex(now_s),
        "extradata": "0x" + bytes(32).hex() + b"".join(sorted(sealers)).hex() + bytes(65).hex(),
        "alloc": {},
    }


def create(folder: Path, nodes: int, chain_id: int, period_s: int, binary: Path) -> None:
    """Make a network's files in `folder`; the genesis comes last. Raises `GethFailedError`."""
    password = secrets.token_hex(16)
    _write(folder / "password", password)
    sealers = []
    for number in range(nodes):
        home = folder / f"node{number}"
        (home / "keystore").mkdir(parents=True, exist_ok=True, mode=0o700)
        secret = secrets.token_bytes(32)
        # The password lies beside the keys, so a slow derivation would protect nothing.
        stored = create_keyfile_json(secret, password.encode(), kdf="pbkdf2", iterations=1_000)
        _write(home / "keystore" / "sealer.json", json.dumps(stored))
        _write(home / "nodekey", secrets.token_hex(32))
        sealers.append(PrivateKey(secret).public_key.to_canonical_address())
    _write(folder / "sealers.json", json.dumps([sealer.hex() for sealer in sealers]))
    genesis = folder / "genesis.new"
    _write(genesis, json.dumps(genesis_of(sealers, chain_id, period_s, int(time.time())), indent=1))
    for number in range(nodes):
        line = [str(binary), "--datadir", str(folder / f"node{number}"), "--state.scheme", "hash", "init", str(genesis)]
        made = subprocess.run(line, check=False, capture_output=True, text=True, timeout=INIT_S)  # noqa: S603 - as above
        if made.returncode:
            raise GethFailedError(f"node {number} takes no genesis: {made.stderr[-500:]}")
    genesis.replace(folder / "genesis.json")


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
