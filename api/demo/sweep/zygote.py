"""Lives of the service, one after another, each forked from a process that has everything imported.

Service and worker share one process here, so that a kill takes both at once, at whichever's point. Standard input
brings a line of JSON for each life, `{"points": {name: n, …}, "plant": …}`; standard output says `{"pid": …}` and, at
its end, `{"status": …}`. A life notes the points that it reaches for the first time, and the one at which it dies, in a
file.

A fault may be planted in a life, to see that the sweep finds it.
"""

import json
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence

import uvicorn

from api import main as service
from api import worker
from api.settings import Settings
from api.store import outbox
from api.store.database import Database
from api.wiring import read_deployment
from chain import points
from chain.account import Account
from chain.node import Web3Node
from chain.ports import TxCall, TxRow, TxState

NOTES = "points.log"
LEASE_S = 15.0


def serve() -> None:
    """Fork a life for each line; end with standard input."""
    settings = Settings()
    # Whatever is computed once a process, is computed here.
    service.create(settings).state.ctx.db.close()
    _say(json.dumps({"ready": True}))
    for line in sys.stdin:
        order = json.loads(line)
        life = os.fork()
        if life == 0:
            _live(settings, dict(order["points"]), str(order["plant"]))
            os._exit(0)
        _say(json.dumps({"pid": life}))
        _, status = os.waitpid(life, 0)
        _say(json.dumps({"status": os.waitstatus_to_exitcode(status)}))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _live(settings: Settings, fatal: Mapping[str, int], plant: str) -> None:
    notes = os.open(settings.data_dir / NOTES, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    points.arm(noting(notes, fatal))
    if plant:
        PLANTS[plant](settings)
    app = service.create(settings)
    holder = f"worker/{os.getpid()}/{secrets.token_hex(8)}"
    ctx, chain = worker.build(settings, holder, lease_s=LEASE_S)
    stop = threading.Event()

    def work() -> None:
        if worker.hold_lease(ctx, stop, holder):
            worker.run(ctx, chain, stop, holder)

    working = threading.Thread(target=work, name="worker")
    working.start()
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((settings.host, settings.port))
    uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, server_header=False)).run([listener])
    stop.set()
    working.join()


def noting(notes: int, fatal: Mapping[str, int]) -> Callable[[str], None]:
    """An act that writes each name once, and kills this process, having written that, where any of `fatal` is reached.

    `fatal` says of each name at the how manieth time.
    """
    left, seen, lock = dict(fatal), set[str](), threading.Lock()

    def act(reached: str) -> None:
        with lock:
            if reached not in seen:
                seen.add(reached)
                os.write(notes, f"saw {reached}\n".encode())
            if reached not in left:
                return
            left[reached] -= 1
            if left[reached]:
                return
            os.write(notes, f"killed {reached}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)

    return act


def _closed_before_prepared(_settings: Settings) -> None:
    """The outbox row is closed before its transaction is durable: a kill in between loses the fact."""
    lease = outbox.lease

    def close_at_once(db: Database, topics: Sequence[str], limit: int, seconds: float) -> list[outbox.LeasedRow]:
        rows = lease(db, topics, limit, seconds)
        for row in rows:
            outbox.done(db, row)
        return rows

    setattr(outbox, "lease", close_at_once)  # noqa: B010 - a planted fault reaches where no code may


def _sent_before_stored(settings: Settings) -> None:
    """The transaction is broadcast before its hash is committed, by a signer that never signs the same twice."""
    node = Web3Node(settings.rpc_url)
    chain_id = read_deployment(settings.data_dir).chain_id
    sign = Account.sign

    def send_first(account: Account, row: TxRow) -> TxRow:
        if row.state is TxState.PREPARED:
            call = TxCall.decode(row.raw)
            gas = call.gas + secrets.randbelow(1_000_000)
            tx = account.signer.sign_transaction(
                chain_id=chain_id, nonce=row.nonce, to=call.to, data=call.data, gas=gas, gas_price=0
            )
            node.send_raw_many([tx.raw])
            points.reached("planted/sent")
        return sign(account, row)

    setattr(Account, "sign", send_first)  # noqa: B010 - as above


PLANTS: dict[str, Callable[[Settings], None]] = {
    "closed-before-prepared": _closed_before_prepared,
    "sent-before-stored": _sent_before_stored,
}


if __name__ == "__main__":
    serve()
