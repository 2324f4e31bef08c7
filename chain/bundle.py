"""The evidence bundle (schema mydata/bundle/1): typed, read strictly, written canonically; docs/formats.md.

Reading checks form only: whether anything in a bundle is true is for `chain.verify`. Reading loses nothing, so hashes
taken over the typed form are those of the document.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar, cast

from chain.binding import Binding, PasskeyBinding, parse_binding
from chain.canonical import CERTIFICATE_SCHEMA, SALT_BYTES, Json, canonical, certificate_leaf
from chain.earlier import EarlierReceipt, parse_earlier
from chain.epochs import parse_opening
from chain.grantmsg import ADDRESS_BYTES, HASH_BYTES, SIGNATURE_BYTES, UINT40_MAX, GrantMessage, GrantStatus
from chain.jose import PublicJwk, parse_jwk
from chain.merkle import PROOF_LIMIT
from chain.receipt import MARK_FIELDS, PROMISE_BYTES, RECEIPT_SCHEMA, ReceiptKind, receipt_leaf
from chain.strict import Fields, hex0x, hex_bytes, parse_json, refuse
from chain.terms import Terms, parse_terms
from chain.trustfile import CONTRACTS

BUNDLE_SCHEMA = "mydata/bundle/1"
BUNDLE_MEDIA_TYPE = "application/vnd.mydata.bundle+json"
BUNDLE_LIMIT = 32 * 1024 * 1024
FIELD_LIMIT = 256
CERTIFICATE_LIMIT = 10_000
RECORD_LIMIT = 200_000
DECISION_LIMIT = 16
TEXT_LIMIT = 64 * 1024
REQUEST_SIGNATURE_BYTES = 64

_Part = TypeVar("_Part")


class Custody(StrEnum):
    """Who held a department's key when its root was signed."""

    DEMO = "demo"
    SIGNER = "signer"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class CertificateLeaf:
    """A certificate's leaf: type, catalogue version, position in its batch, commitments (32 bytes) by field name."""

    type_code: str
    rules: str
    index: int
    fields: Mapping[str, bytes]

    def to_json(self) -> Mapping[str, Json]:
        """The leaf document."""
        return certificate_leaf(self.type_code, self.rules, self.index, self.fields)


@dataclass(frozen=True, slots=True)
class Disclosed:
    """A field shown: its canonical value and its salt (32 bytes)."""

    value: str
    salt: bytes


@dataclass(frozen=True, slots=True)
class CertificateEvidence:
    """A certificate, the fields shown of it, its way to the anchored root. `custody` is the operator's statement."""

    leaf: CertificateLeaf
    disclosed: Mapping[str, Disclosed]
    size: int
    proof: tuple[bytes, ...]
    root: bytes
    issuer: bytes
    custody: Custody

    def to_json(self) -> dict[str, Json]:
        """The element of `certificates`."""
        return {
            "leaf": self.leaf.to_json(),
            "disclosed": {name: {"value": d.value, "salt": hex0x(d.salt)} for name, d in self.disclosed.items()},
            "size": self.size,
            "proof": [hex0x(node) for node in self.proof],
            "root": hex0x(self.root),
            "issuer": hex0x(self.issuer),
            "custody": self.custody.value,
        }


@dataclass(frozen=True, slots=True)
class GrantChange:
    """A change signed by the grant's key: the status to come, its number, 65 bytes of signature."""

    status: GrantStatus
    seq: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class GrantEvidence:
    """A grant: its signed message, the terms behind it, the binding to its holder, and its signed changes."""

    message: GrantMessage
    signature: bytes
    terms: Terms
    terms_salt: bytes
    binding: Binding | PasskeyBinding | None
    changes: tuple[GrantChange, ...] = ()

    def to_json(self) -> dict[str, Json]:
        """The member `grant`."""
        return {
            "message": {
                "key": hex0x(self.message.key),
                "terms": hex0x(self.message.terms),
                "binding": hex0x(self.message.binding),
                "notBefore": self.message.not_before,
                "notAfter": self.message.not_after,
            },
            "signature": hex0x(self.signature),
            "terms": self.terms.document,
            "terms_salt": hex0x(self.terms_salt),
            "binding": None if self.binding is None else self.binding.to_json(),
            "changes": [
                {"status": int(change.status), "seq": change.seq, "signature": hex0x(change.signature)}
                for change in self.changes
            ],
        }


@dataclass(frozen=True, slots=True)
class RecordRef:
    """A certificate by its place on chain."""

    issuer: bytes
    root: bytes
    index: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the details of a delivery say; `request` is null where an officer read on screen and nothing was signed."""

    grant: bytes
    entity: str
    copy: str
    format: str
    file_sha256: bytes
    mark: bytes
    request: bytes | None
    records: tuple[RecordRef, ...]

    def to_json(self) -> dict[str, Json]:
        """The details document."""
        return {
            "grant": hex0x(self.grant),
            "entity": self.entity,
            "copy": self.copy,
            "format": self.format,
            "file_sha256": hex0x(self.file_sha256),
            "mark": hex0x(self.mark),
            "request": None if self.request is None else hex0x(self.request),
            "records": [{"issuer": hex0x(r.issuer), "root": hex0x(r.root), "index": r.index} for r in self.records],
        }


@dataclass(frozen=True, slots=True)
class ReceiptEvidence:
    """A receipt: its leaf's members, the details that it commits to, their salt, the log's promise (64 bytes)."""

    kind: ReceiptKind
    log: str
    number: int
    time_s: int
    commitment: bytes
    details: Mapping[str, Json]
    salt: bytes
    promise: bytes

    def leaf(self) -> Mapping[str, Json]:
        """The leaf document."""
        return receipt_leaf(self.kind, self.log, self.number, self.time_s, self.commitment)

    def to_json(self) -> dict[str, Json]:
        """The member `receipt`."""
        return {
            "leaf": self.leaf(),
            "details": self.details,
            "salt": hex0x(self.salt),
            "promise": hex0x(self.promise),
        }


@dataclass(frozen=True, slots=True)
class MarkEvidence:
    """The document behind the mark in a delivery's details, and its salt.

    `epoch` is the receipt of the opening of the epoch whose key made the mark; None in a bundle that does not say.
    """

    document: Mapping[str, Json]
    salt: bytes
    epoch: EarlierReceipt | None = None

    def to_json(self) -> dict[str, Json]:
        """The member `mark`."""
        said: dict[str, Json] = {"document": self.document, "salt": hex0x(self.salt)}
        return said if self.epoch is None else said | {"epoch": self.epoch.to_json()}


@dataclass(frozen=True, slots=True)
class LogEvidence:
    """The signed checkpoint (a note) and the receipt's inclusion proof under it."""

    checkpoint: str
    proof: tuple[bytes, ...]

    def to_json(self) -> dict[str, Json]:
        """The member `log`."""
        return {"checkpoint": self.checkpoint, "proof": [hex0x(node) for node in self.proof]}


@dataclass(frozen=True, slots=True)
class RequestEvidence:
    """The recipient's signed request: RFC 9421 signature base, signature (64 bytes), public key."""

    base: str
    signature: bytes
    key: PublicJwk

    def to_json(self) -> dict[str, Json]:
        """The member `request`."""
        return {"base": self.base, "signature": hex0x(self.signature), "key": self.key.to_json()}


@dataclass(frozen=True, slots=True)
class Bundle:
    """Evidence for certificates and, where `grant` and `receipt` are there, for their delivery to an entity."""

    chain_id: int
    contracts: Mapping[str, bytes]
    certificates: tuple[CertificateEvidence, ...]
    grant: GrantEvidence | None = None
    receipt: ReceiptEvidence | None = None
    mark: MarkEvidence | None = None
    log: LogEvidence | None = None
    request: RequestEvidence | None = None

    def to_json(self) -> dict[str, Json]:
        """The document."""
        return {
            "schema": BUNDLE_SCHEMA,
            "chain": {
                "chain_id": self.chain_id,
                "contracts": {name: hex0x(address) for name, address in self.contracts.items()},
            },
            "certificates": [certificate.to_json() for certificate in self.certificates],
            "grant": None if self.grant is None else self.grant.to_json(),
            "receipt": None if self.receipt is None else self.receipt.to_json(),
            "mark": None if self.mark is None else self.mark.to_json(),
            "log": None if self.log is None else self.log.to_json(),
            "request": None if self.request is None else self.request.to_json(),
        }

    def to_bytes(self) -> bytes:
        """The canonical bytes."""
        return canonical(self.to_json())


def parse_bundle(data: bytes) -> Bundle:
    """Read a bundle. Raises `FormatError` with a code and the JSON pointer."""
    top = Fields(parse_json(data, BUNDLE_LIMIT), "")
    top.schema(BUNDLE_SCHEMA)
    chain = top.fields("chain")
    chain_id = chain.integer("chain_id", 1)
    addresses = chain.fields("contracts")
    contracts = {name: addresses.hex(name, ADDRESS_BYTES) for name in CONTRACTS}
    addresses.done()
    chain.done()
    certificates = tuple(
        _parse_certificate(Fields(item, f"/certificates/{at}"))
        for at, item in enumerate(top.array("certificates", CERTIFICATE_LIMIT))
    )
    bundle = Bundle(
        chain_id,
        contracts,
        certificates,
        _or_none(top.fields_or_none("grant"), _parse_grant),
        _or_none(top.fields_or_none("receipt"), _parse_receipt),
        _or_none(top.fields_or_none("mark"), _parse_mark),
        _or_none(top.fields_or_none("log"), _parse_log),
        _or_none(top.fields_or_none("request"), _parse_request),
    )
    top.done()
    return bundle


def _or_none(fields: Fields | None, parse: Callable[[Fields], _Part]) -> _Part | None:
    return None if fields is None else parse(fields)


def _parse_certificate(fields: Fields) -> CertificateEvidence:
    leaf_fields = fields.fields("leaf")
    leaf_fields.schema(CERTIFICATE_SCHEMA)
    type_code = leaf_fields.text("type", limit=64)
    rules = leaf_fields.text("rules", limit=64)
    index = leaf_fields.integer("index")
    commitments = leaf_fields.mapping("fields", FIELD_LIMIT)
    if not commitments:
        refuse("length", leaf_fields.at("fields"))
    # Names of fields come from the document: errors give their position.
    leaf = CertificateLeaf(
        type_code,
        rules,
        index,
        {
            name: hex_bytes(value, HASH_BYTES, f"{leaf_fields.at('fields')}/{at}")
            for at, (name, value) in enumerate(commitments.items())
        },
    )
    leaf_fields.done()
    disclosed = {}
    for at, (name, value) in enumerate(fields.mapping("disclosed", FIELD_LIMIT).items()):
        shown = Fields(value, f"{fields.at('disclosed')}/{at}")
        text = shown.take("value")
        if not isinstance(text, str):
            refuse("type", shown.at("value"))
        if len(text) > TEXT_LIMIT:
            refuse("length", shown.at("value"))
        disclosed[name] = Disclosed(text, shown.hex("salt", SALT_BYTES))
        shown.done()
    evidence = CertificateEvidence(
        leaf,
        disclosed,
        fields.integer("size", 1),
        fields.hex_array("proof", HASH_BYTES, PROOF_LIMIT),
        fields.hex("root", HASH_BYTES),
        fields.hex("issuer", ADDRESS_BYTES),
        Custody(fields.text("custody", choices=tuple(Custody))),
    )
    fields.done()
    return evidence


def _parse_grant(fields: Fields) -> GrantEvidence:
    message_fields = fields.fields("message")
    key = message_fields.hex("key", ADDRESS_BYTES)
    terms_hash, binding_hash = message_fields.hex("terms", HASH_BYTES), message_fields.hex("binding", HASH_BYTES)
    not_before = message_fields.integer("notBefore", 0, UINT40_MAX)
    not_after = message_fields.integer("notAfter", 0, UINT40_MAX)
    message_fields.done()
    message = GrantMessage(key, terms_hash, binding_hash, not_before, not_after)
    changes = tuple(
        _parse_change(Fields(item, f"{fields.at('changes')}/{at}"))
        for at, item in enumerate(fields.array("changes", 256))
    )
    evidence = GrantEvidence(
        message,
        fields.hex("signature", SIGNATURE_BYTES),
        parse_terms(fields.take("terms"), fields.at("terms")),
        fields.hex("terms_salt", SALT_BYTES),
        _or_none(fields.fields_or_none("binding"), parse_binding),
        changes,
    )
    fields.done()
    return evidence


def _parse_change(fields: Fields) -> GrantChange:
    status = GrantStatus(fields.integer("status", GrantStatus.ACTIVE, GrantStatus.REVOKED))
    change = GrantChange(status, fields.integer("seq", 0, 255), fields.hex("signature", SIGNATURE_BYTES))
    fields.done()
    return change


def _parse_receipt(fields: Fields) -> ReceiptEvidence:
    leaf = fields.fields("leaf")
    leaf.schema(RECEIPT_SCHEMA)
    kind = ReceiptKind(leaf.text("kind", choices=tuple(ReceiptKind)))
    log, number, time_s = leaf.text("log", limit=64), leaf.integer("number"), leaf.integer("time", 0, UINT40_MAX)
    commitment = leaf.hex("commitment", HASH_BYTES)
    leaf.done()
    details = fields.take("details")
    if not isinstance(details, dict):
        refuse("type", fields.at("details"))
    evidence = ReceiptEvidence(
        kind,
        log,
        number,
        time_s,
        commitment,
        cast("dict[str, Json]", details),
        fields.hex("salt", SALT_BYTES),
        fields.hex("promise", PROMISE_BYTES),
    )
    fields.done()
    if kind is ReceiptKind.DELIVERY:
        parse_delivery(evidence.details, "/receipt/details")
    elif kind is ReceiptKind.EPOCH:
        parse_opening(evidence.details, "/receipt/details")
    return evidence


def parse_delivery(details: Mapping[str, Json], pointer: str) -> Delivery:
    """Read the details of a delivery. Raises `FormatError`."""
    fields = Fields(details, pointer)
    grant, entity, copy = (
        fields.hex("grant", HASH_BYTES),
        fields.text("entity", limit=64),
        fields.text("copy", limit=64),
    )
    media_type = fields.text("format", limit=128)
    file_sha256, mark = fields.hex("file_sha256", HASH_BYTES), fields.hex("mark", HASH_BYTES)
    request = fields.take("request")
    delivery = Delivery(
        grant,
        entity,
        copy,
        media_type,
        file_sha256,
        mark,
        None if request is None else hex_bytes(request, HASH_BYTES, fields.at("request")),
        parse_records(fields.array("records", RECORD_LIMIT), fields.at("records")),
    )
    if "decision" in details:
        # What the service saw when it decided: for replaying the decision, not for proving the delivery.
        fields.mapping("decision", DECISION_LIMIT)
    fields.done()
    return delivery


def parse_records(items: object, pointer: str) -> tuple[RecordRef, ...]:
    """Read a list of certificates by their place on chain. Raises `FormatError`."""
    if not isinstance(items, list):
        refuse("type", pointer)
    records = []
    for at, item in enumerate(items):
        fields = Fields(item, f"{pointer}/{at}")
        record = RecordRef(fields.hex("issuer", ADDRESS_BYTES), fields.hex("root", HASH_BYTES), fields.integer("index"))
        fields.done()
        records.append(record)
    return tuple(records)


def _parse_mark(fields: Fields) -> MarkEvidence:
    document = fields.mapping("document", len(MARK_FIELDS))
    if document.keys() != MARK_FIELDS:
        refuse("missing", fields.at("document"))
    epoch = fields.fields_or_absent("epoch")
    evidence = MarkEvidence(
        cast("dict[str, Json]", document),
        fields.hex("salt", SALT_BYTES),
        None if epoch is None else parse_earlier(epoch, ReceiptKind.EPOCH),
    )
    fields.done()
    return evidence


def _parse_log(fields: Fields) -> LogEvidence:
    evidence = LogEvidence(
        fields.text("checkpoint", limit=TEXT_LIMIT), fields.hex_array("proof", HASH_BYTES, PROOF_LIMIT)
    )
    fields.done()
    return evidence


def _parse_request(fields: Fields) -> RequestEvidence:
    evidence = RequestEvidence(
        fields.text("base", limit=TEXT_LIMIT),
        fields.hex("signature", REQUEST_SIGNATURE_BYTES),
        parse_jwk(fields.take("key"), fields.at("key")),
    )
    fields.done()
    return evidence
