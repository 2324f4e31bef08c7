"""Transactions a second that an engine mines: `python -m tests.nodes.throughput [embedded] [anvil]`.

One sender on one connection, a contract that stores a word and emits an event. Three figures for each engine: each
transaction awaited before the next, one request for each, and batches of 250.
"""

import http.client
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.nodes import accounts, contracts, engines

COUNT = 1_000
AWAITED = 150
BATCH = 250


class _Client:
    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(url.removeprefix("http://"))

    def ask(self, request: object) -> Any:
        self._connection.request("POST", "/", json.dumps(request), {"Content-Type": "application/json"})
        return json.loads(self._connection.getresponse().read())

    def send(self, raws: Sequence[str]) -> None:
        requests = [_request("eth_sendRawTransaction", raw) for raw in raws]
        answers = self.ask(requests) if len(requests) > 1 else [self.ask(requests[0])]
        assert all("result" in answer for answer in answers), answers

    def wait(self, tx_hash: str) -> None:
        while self.ask(_request("eth_getTransactionReceipt", tx_hash))["result"] is None:
            time.sleep(0.002)


def _request(method: str, *params: str) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def rate(engine: engines.Engine, contract: str, count: int, batch: int, *, awaited: bool = False) -> float:
    """Transactions mined a second, from the first send to the last receipt."""
    account, client = accounts.fresh(), _Client(engine.url)
    signed = [accounts.sign(account, n, to=contract, data="0x" + contracts.word(n + 1).hex()) for n in range(count)]
    start = time.monotonic()
    for first in range(0, count, batch):
        part = signed[first : first + batch]
        client.send([raw for raw, _ in part])
        if awaited:
            client.wait(part[-1][1])
    client.wait(signed[-1][1])
    return count / (time.monotonic() - start)


def main() -> None:
    """Measure the engines that the command line names, or both."""
    for name in sys.argv[1:] or ["embedded", "anvil"]:
        with tempfile.TemporaryDirectory() as directory:
            running = engines.embedded(Path(directory)) if name == "embedded" else engines.anvil_engine()
            with running as engine:
                contract, _ = accounts.deploy(engine)
                awaited = rate(engine, contract, AWAITED, 1, awaited=True)
                single, batched = (rate(engine, contract, COUNT, batch) for batch in (1, BATCH))
        print(f"{name}: awaited {awaited:.0f}/s, one by one {single:.0f}/s, in batches {batched:.0f}/s")


if __name__ == "__main__":
    main()
