"""Receipts: the log's signed promises, verified with the log's key, and evidence that outsiders can check."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.client import operations as op
from api.client.errors import UntrustedError
from api.client.reading import Document
from api.client.transport import Transport
from chain.errors import ChainError
from chain.receipt import log_id, verify_promise


@dataclass(frozen=True, slots=True)
class LogKey:
    """The receipt log's public key (32 bytes), from the trust file: obtained apart from the service."""

    public_key: bytes

    @property
    def log(self) -> str:
        """The log's id, which the key alone decides."""
        return log_id(self.public_key)


@dataclass(frozen=True, slots=True)
class Promise:
    """The log's signed promise to hold the receipt's leaf at its number."""

    receipt: str
    number: int
    leaf_hash: bytes
    signature: bytes

    def verify(self, key: LogKey) -> None:
        """Raise `UntrustedError` (`client.bad_promise`) unless the log's key made it (docs/formats.md, Receipt)."""
        try:
            verify_promise(key.public_key, key.log, self.number, self.leaf_hash, self.signature)
        except ChainError:
            raise UntrustedError("client.bad_promise") from None


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt that concerns this entity. `number`, `leaf_hash` and `promise` are null until it is numbered."""

    id: str
    kind: str
    number: int | None
    commitment: bytes
    leaf_hash: bytes | None
    promise: bytes | None
    at: datetime


def receipt_of(document: Document) -> Receipt:
    """A receipt from the service's JSON."""
    return Receipt(
        id=document.text("id"),
        kind=document.text("kind"),
        number=document.maybe_whole("number"),
        commitment=document.binary("commitment"),
        leaf_hash=document.maybe_binary("leaf_hash"),
        promise=document.maybe_binary("promise"),
        at=document.moment("at"),
    )


def changed(answer: Document) -> str:
    """The receipt's id in the answer to a change."""
    answer.whole("number")
    return answer.text("receipt")


class Receipts:
    """Receipts and their evidence."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get(self, receipt_id: str) -> Receipt:
        """One receipt."""
        return receipt_of(self._transport.json(op.GET_RECEIPT, receipt_id=receipt_id))

    def decision(self, receipt_id: str) -> Mapping[str, Any]:
        """The decision that a delivery or refusal rests on, made again as of its time, with its reasons."""
        return self._transport.json(op.GET_DECISION, receipt_id=receipt_id).members

    def evidence(self, receipt_id: str) -> bytes:
        """The evidence bundle, which anybody checks with `python -m chain verify`; it holds no values."""
        return self._transport.call(op.GET_EVIDENCE, receipt_id=receipt_id).content
