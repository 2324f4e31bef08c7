"""A process that submits receipts as fast as it can and prints each number once it is acknowledged; it is killed."""

import sys
import threading
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.store import Session
from api.store.crypto import Vault
from api.store.database import Database
from api.store.keyring import KeyRing
from api.store.log_writer import LogWriter, Numberer, ReceiptDraft
from chain.receipt import ReceiptKind


def main() -> None:
    """Arguments: the database's URL, the key directory."""
    keys = KeyRing.load(Path(sys.argv[2]), production=False)
    log_key = Ed25519PrivateKey.from_private_bytes(keys.log)
    writer = LogWriter(Database(sys.argv[1]), Vault(keys), log_key, lease_s=0.5)
    writer.start()
    lock = threading.Lock()

    def work(_: Session, numberer: Numberer) -> tuple[int, str]:
        receipt = numberer.add(ReceiptDraft(ReceiptKind.REFUSAL, {"reason": "load"}))
        return receipt.number, receipt.id

    def submit() -> None:
        while True:
            number, name = writer.submit(work)
            with lock:
                sys.stdout.write(f"{number} {name}\n")
                sys.stdout.flush()

    for _ in range(4):
        threading.Thread(target=submit, daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
