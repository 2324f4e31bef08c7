"""Grants received, and taking data under them."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from api.client import operations as op
from api.client.errors import UntrustedError
from api.client.paging import paged
from api.client.reading import Document, unhex
from api.client.receipts import LogKey, Promise, changed
from api.client.requests import Request, request_of
from api.client.transport import Transport

FORMATS: Mapping[str, str] = {
    "json": "application/json",
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}
"""Formats of copies, by the ending of their file names."""
ENVELOPE = "application/vnd.mydata.pull+json"


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant to this entity. `terms` is the document that its holder agreed to (docs/formats.md)."""

    id: str
    request: str
    digest: bytes
    terms: Mapping[str, Any]
    custody: str
    state: str
    frozen: bool
    extends: str | None
    extended_by: str | None
    uses: int
    max_uses: int
    not_before: datetime
    not_after: datetime
    anchor_state: str
    ended_at: datetime | None

    @property
    def items(self) -> tuple[str, ...]:
        """What may be taken, as `type/field`."""
        return tuple(f"{one['type']}/{one['field']}" for one in self.terms["items"])


@dataclass(frozen=True, slots=True)
class GrantCopy:
    """A copy that was taken under a grant, and the receipts of its deliveries."""

    id: str
    media_type: str
    state: str
    file_sha256: bytes
    deliveries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GrantEvent:
    """One change of a grant, in order."""

    seq: int
    state: str
    frozen: bool
    actor: str
    reason: str | None
    at: datetime
    receipt: str | None
    anchored_block: int | None


@dataclass(frozen=True, slots=True)
class Pulled:
    """A delivered copy: the marked file, and the log's promise to hold the receipt of its delivery.

    `unknown` names the claims that were left out because nobody vouches for them today. `certificates` (asked for with
    `salts`) hold the salts of the granted fields, by which values can be disclosed in an evidence bundle.
    """

    file: bytes
    file_name: str
    media_type: str
    copy: str
    promise: Promise
    unknown: tuple[str, ...] = ()
    certificates: tuple[Mapping[str, Any], ...] = ()


def grant_of(document: Document) -> Grant:
    """A grant from the service's JSON."""
    return Grant(
        id=document.text("id"),
        request=document.text("request"),
        digest=document.binary("digest"),
        terms=document.inner("terms").members,
        custody=document.text("custody"),
        state=document.text("state"),
        frozen=document.flag("frozen"),
        extends=document.maybe_text("extends"),
        extended_by=document.maybe_text("extended_by"),
        uses=document.whole("uses"),
        max_uses=document.whole("max_uses"),
        not_before=document.moment("not_before"),
        not_after=document.moment("not_after"),
        anchor_state=document.text("anchor_state"),
        ended_at=document.maybe_moment("ended_at"),
    )


def _copy(document: Document) -> GrantCopy:
    return GrantCopy(
        id=document.text("id"),
        media_type=document.text("media_type"),
        state=document.text("state"),
        file_sha256=document.binary("file_sha256"),
        deliveries=document.texts("deliveries"),
    )


def _event(document: Document) -> GrantEvent:
    return GrantEvent(
        seq=document.whole("seq"),
        state=document.text("state"),
        frozen=document.flag("frozen"),
        actor=document.text("actor"),
        reason=document.maybe_text("reason"),
        at=document.moment("at"),
        receipt=document.maybe_text("receipt"),
        anchored_block=document.maybe_whole("anchored_block"),
    )


def pulled_of(response: httpx.Response, form: str, *, salts: bool, log_key: LogKey | None) -> Pulled:
    """What a pull brought, checked. Raises `UntrustedError` where file, digest and promise do not fit together."""
    headers = response.headers
    try:
        number = int(headers["receipt-number"])
        leaf, signature = unhex(headers["receipt-leaf"]), unhex(headers["receipt-promise"])
        promise = Promise(headers["receipt-id"], number, leaf, signature)
        copy, disposition = headers["copy-id"], headers["content-disposition"]
    except (KeyError, ValueError):
        raise UntrustedError("client.bad_answer", place="headers") from None
    if log_key is not None:
        promise.verify(log_key)
    if "content-digest" not in headers:
        raise UntrustedError("client.bad_digest")
    unknown = tuple(filter(None, headers.get("claims-unknown", "").split(", ")))
    if not salts:
        name = disposition.partition('filename="')[2].rstrip('"')
        return Pulled(response.content, name, FORMATS[form], copy, promise, unknown)
    document = Document(response.json())
    file = document.inner("file")
    try:
        data = base64.b64decode(file.text("base64"), validate=True)
    except ValueError:
        raise UntrustedError("client.bad_answer", place="base64") from None
    certificates = tuple(one.members for one in document.list("certificates"))
    return Pulled(data, file.text("name"), file.text("media_type"), copy, promise, unknown, certificates)


def accepted(form: str, *, salts: bool) -> str:
    """The Accept header that asks for a format, with the salts or without."""
    return f"{ENVELOPE};format={form}" if salts else FORMATS[form]


class Grants:
    """Grants to an entity. With a log key, each delivery's promise is verified before the file is handed on."""

    def __init__(self, transport: Transport, log_key: LogKey | None) -> None:
        self._transport = transport
        self._log_key = log_key

    def get(self, grant_id: str) -> Grant:
        """One grant."""
        return grant_of(self._transport.json(op.GET_GRANT, grant_id=grant_id))

    def list(self) -> Iterator[Grant]:
        """All grants, newest first; pages are fetched as they are needed."""
        return paged(self._transport, op.LIST_GRANTS, grant_of)

    def copies(self, grant_id: str) -> Sequence[GrantCopy]:
        """The copies taken under a grant."""
        return [_copy(one) for one in self._transport.json(op.LIST_GRANT_COPIES, grant_id=grant_id).list("items")]

    def events(self, grant_id: str) -> Sequence[GrantEvent]:
        """What became of a grant, in order."""
        return [_event(one) for one in self._transport.json(op.LIST_GRANT_EVENTS, grant_id=grant_id).list("items")]

    def record(self, grant_id: str) -> Mapping[str, Any]:
        """The consent record, with the members that ISO/IEC TS 27560 names."""
        return self._transport.json(op.GET_RECORD, grant_id=grant_id).members

    def terminate(self, grant_id: str, *, idempotency_key: str | None = None) -> str:
        """Give a grant back for good: it is needed no longer. Gives the receipt's id."""
        answer = self._transport.json(op.TERMINATE_GRANT, key=idempotency_key, grant_id=grant_id)
        return changed(answer)

    def ask_extension(self, grant_id: str, *, days: int, uses: int, idempotency_key: str | None = None) -> Request:
        """Ask the holder to extend a grant; what comes of it is a grant of its own."""
        answer = self._transport.json(op.EXTEND_GRANT, key=idempotency_key, grant_id=grant_id, days=days, uses=uses)
        return request_of(answer)

    def pull(
        self,
        grant_id: str,
        form: str = "json",
        *,
        fields: Sequence[str] | None = None,
        salts: bool = False,
        idempotency_key: str | None = None,
    ) -> Pulled:
        """Take a grant's data as `json`, `csv`, `xlsx` or `pdf`: everything granted, or `fields` (`type/field`).

        With `salts`, also what an evidence bundle needs to disclose values. A repeat under the same idempotency key
        gives the same copy and counts no second use. Raises `RefusedError` with the reason's code (`pull.…`), and
        `UntrustedError` where file, digest and promise do not fit together.
        """
        response = self._transport.call(
            op.PULL,
            accept=accepted(form, salts=salts),
            key=idempotency_key,
            grant_id=grant_id,
            fields=None if fields is None else list(fields),
        )
        return pulled_of(response, form, salts=salts, log_key=self._log_key)
