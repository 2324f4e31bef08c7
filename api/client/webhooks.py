"""Being told: addresses of an entity's systems, and the verification of what arrives there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures import HTTPMessageSignaturesException, HTTPMessageVerifier, MappingKeyResolver
from http_message_signatures.algorithms import ED25519

from api.client import operations as op
from api.client.errors import MydataError, UntrustedError
from api.client.paging import paged
from api.client.reading import Document
from api.client.signing import Message, thumbprint, unbase64url
from api.client.transport import Transport
from chain.errors import ChainError
from chain.strict import parse_json

TAG = "mydata-notice-v1"
COVERED = ("@method", "@target-uri", "content-digest", "content-type", "idempotency-key")
NOTICE_SCHEMA = "mydata/notice/1"
NOTICE_LIMIT = 64 * 1024
OLDEST = timedelta(minutes=5)
SKEW = timedelta(seconds=30)
KINDS = ("granted", "paused", "resumed", "revoked", "ended", "corrected", "deletion_due")


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address at which this entity is told."""

    id: str
    url: str
    kinds: tuple[str, ...]
    state: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SentNotice:
    """A notice as it was sent to an address, and how the newest attempt ended."""

    number: int
    notice: str
    kind: str
    grant: str
    seq: int
    at: datetime
    state: str
    attempts: int
    status: int | None
    error: str | None
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Notice:
    """A verified notice: `facts` hold identifiers, states and times.

    It may arrive twice (`id` is the same) and out of order (within a grant the highest `seq` stands).
    """

    id: str
    kind: str
    entity: str
    grant: str
    seq: int
    at: datetime
    facts: Mapping[str, Any]


class NoticeKeys:
    """The keys by which notices are signed, by their thumbprint: from the service's published JWKS."""

    def __init__(self, keys: Sequence[Ed25519PublicKey]) -> None:
        self._keys = {thumbprint(key): key for key in keys}

    @classmethod
    def from_jwks(cls, document: Document) -> "NoticeKeys":
        """From a JWKS document (RFC 7517); keys of other kinds are left out. Raises `client.bad_answer`."""
        found = []
        for jwk in document.list("keys"):
            if (jwk.members.get("kty"), jwk.members.get("crv")) != ("OKP", "Ed25519"):
                continue
            try:
                found.append(Ed25519PublicKey.from_public_bytes(unbase64url(jwk.text("x"))))
            except ValueError:
                raise UntrustedError("client.bad_answer", place="jwks") from None
        return cls(found)

    def verify(
        self, url: str, headers: Mapping[str, str], body: bytes, *, method: str = "POST", oldest: timedelta = OLDEST
    ) -> Notice:
        """The notice in a request that arrived at `url`, if its signature covers it and is new enough.

        `url` is the registered one, letter by letter. Raises `UntrustedError` (`client.bad_notice`).
        """
        lower = {name.lower(): value for name, value in headers.items()}
        message = Message(method, url, lower)
        verifier = _Verifier(
            signature_algorithm=ED25519, key_resolver=MappingKeyResolver(public_keys=self._keys, private_keys={})
        )
        try:
            verifier.verify(message, max_age=oldest, expect_tag=TAG, require_components=COVERED, body=body)
        except HTTPMessageSignaturesException:
            raise UntrustedError("client.bad_notice", place="signature") from None
        return _notice(body, lower.get("idempotency-key", ""))


class _Verifier(HTTPMessageVerifier):
    require_created = True
    max_clock_skew = SKEW


def _notice(body: bytes, key: str) -> Notice:
    try:
        document = Document(parse_json(body, NOTICE_LIMIT))
        if document.text("schema") != NOTICE_SCHEMA or document.text("id") != key:
            raise UntrustedError("client.bad_notice", place="schema")
        return Notice(
            id=key,
            kind=document.text("kind"),
            entity=document.text("entity"),
            grant=document.text("grant"),
            seq=document.whole("seq"),
            at=datetime.fromtimestamp(document.whole("at"), UTC),
            facts=document.inner("facts").members,
        )
    except (ChainError, MydataError):
        raise UntrustedError("client.bad_notice", place="body") from None


def _webhook(document: Document) -> Webhook:
    return Webhook(
        id=document.text("id"),
        url=document.text("url"),
        kinds=document.texts("kinds"),
        state=document.text("state"),
        created_at=document.moment("created_at"),
    )


def _sent(document: Document) -> SentNotice:
    return SentNotice(
        number=document.whole("number"),
        notice=document.text("notice"),
        kind=document.text("kind"),
        grant=document.text("grant"),
        seq=document.whole("seq"),
        at=document.moment("at"),
        state=document.text("state"),
        attempts=document.whole("attempts"),
        status=document.maybe_whole("status"),
        error=document.maybe_text("error"),
        delivered_at=document.maybe_moment("delivered_at"),
    )


class Webhooks:
    """An entity's addresses."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def register(self, url: str, kinds: Sequence[str] = KINDS, *, idempotency_key: str | None = None) -> Webhook:
        """Name an address; it is told of what happens from now on."""
        return _webhook(self._transport.json(op.REGISTER_WEBHOOK, key=idempotency_key, url=url, kinds=list(kinds)))

    def list(self) -> Sequence[Webhook]:
        """The active addresses."""
        return [_webhook(one) for one in self._transport.json(op.LIST_WEBHOOKS).list("items")]

    def remove(self, webhook_id: str, *, idempotency_key: str | None = None) -> Webhook:
        """Tell an address nothing more."""
        return _webhook(self._transport.json(op.REMOVE_WEBHOOK, key=idempotency_key, webhook_id=webhook_id))

    def messages(self, webhook_id: str) -> Iterator[SentNotice]:
        """What an address was told, newest first."""
        return paged(self._transport, op.LIST_MESSAGES, _sent, ask="before", told="next_before", webhook_id=webhook_id)

    def resend(self, number: int, *, idempotency_key: str | None = None) -> None:
        """Have a message sent once more."""
        self._transport.json(op.RESEND_MESSAGE, key=idempotency_key, number=number)

    def keys(self) -> NoticeKeys:
        """The keys by which notices are signed; fetch them once, and again when a notice names an unknown one."""
        return NoticeKeys.from_jwks(self._transport.json(op.NOTICE_KEYS))
