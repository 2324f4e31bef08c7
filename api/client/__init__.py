"""The typed client of entities: insurers, employers, banks, and government services that ask for consent.

    from api.client import Item, LogKey, MydataClient

    with MydataClient("https://mydata.example.cn", key, log_key=LogKey(public_key)) as mydata:
        asked = mydata.requests.create(number="…", purpose="…", items=[Item("…", "…")], days=30, uses=3, case_no="…")
        pulled = mydata.grants.pull(grant_id, "xlsx")

Every call is signed (RFC 9421) and idempotent; what fails on the way is sent again under the same idempotency key.
The package knows nothing of the service but its interface: docs/client.md.
"""

from types import TracebackType
from typing import Self

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.client.cases import Case, CaseEvent, Cases, Notifications, Told
from api.client.copies import Copies, Copy, CopyEvent
from api.client.data_asks import DataAsk, DataAsks
from api.client.disputes import Correction, Corrections, Dispute, Disputes
from api.client.errors import MydataError, RefusedError, UnreachableError, UntrustedError
from api.client.grants import FORMATS, Grant, GrantCopy, GrantEvent, Grants, Pulled
from api.client.jobs import Archive, Delivered, Job, JobItem, Jobs, read_archive
from api.client.receipts import LogKey, Promise, Receipt, Receipts
from api.client.reference import CertificateType, Log, Party, Purpose, Reference
from api.client.requests import AskedItem, Item, Request, Requests
from api.client.signing import public_jwk, thumbprint
from api.client.statutory import Access, Statutory
from api.client.transport import Retries, Transport
from api.client.webhooks import Notice, NoticeKeys, SentNotice, Webhook, Webhooks

TIMEOUT_S = 60.0


class MydataClient:
    """An entity's connection to the service. Safe to share between threads; close it, or use it in a `with`."""

    def __init__(
        self,
        url: str,
        key: Ed25519PrivateKey,
        *,
        log_key: LogKey | None = None,
        timeout_s: float = TIMEOUT_S,
        retries: Retries | None = None,
        language: str = "zh-Hans",
        http: httpx.Client | None = None,
    ) -> None:
        """Connect to `url` under the entity's registered key.

        `log_key`, from the trust file, has every receipt's promise verified. `language` is that of refusals' titles.
        `http` is a connection of one's own, such as one through a proxy; it is not closed here.
        """
        self._own = http is None
        self.http = http or httpx.Client(timeout=timeout_s, trust_env=False)
        self.transport = Transport(url.rstrip("/"), key, self.http, language, retries or Retries())
        self.requests = Requests(self.transport)
        self.grants = Grants(self.transport, log_key)
        self.jobs = Jobs(self.transport, log_key)
        self.copies = Copies(self.transport)
        self.receipts = Receipts(self.transport)
        self.statutory = Statutory(self.transport, log_key)
        self.cases = Cases(self.transport)
        self.disputes = Disputes(self.transport)
        self.data_asks = DataAsks(self.transport)
        self.corrections = Corrections(self.transport)
        self.notifications = Notifications(self.transport)
        self.webhooks = Webhooks(self.transport)
        self.reference = Reference(self.transport)

    def close(self) -> None:
        """Close the connections."""
        if self._own:
            self.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


__all__ = [
    "FORMATS",
    "Access",
    "Archive",
    "AskedItem",
    "Case",
    "CaseEvent",
    "Cases",
    "CertificateType",
    "Copies",
    "Copy",
    "CopyEvent",
    "Correction",
    "Corrections",
    "DataAsk",
    "DataAsks",
    "Delivered",
    "Dispute",
    "Disputes",
    "Grant",
    "GrantCopy",
    "GrantEvent",
    "Grants",
    "Item",
    "Job",
    "JobItem",
    "Jobs",
    "Log",
    "LogKey",
    "MydataClient",
    "MydataError",
    "Notice",
    "NoticeKeys",
    "Notifications",
    "Party",
    "Promise",
    "Pulled",
    "Purpose",
    "Receipt",
    "Receipts",
    "Reference",
    "RefusedError",
    "Request",
    "Requests",
    "Retries",
    "SentNotice",
    "Statutory",
    "Told",
    "Transport",
    "UnreachableError",
    "UntrustedError",
    "Webhook",
    "Webhooks",
    "public_jwk",
    "read_archive",
    "thumbprint",
]
