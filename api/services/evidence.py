"""Evidence bundles: what a receipt or certificate proves, in the form that `chain.verify` reads (docs/formats.md).

A bundle for an entity never carries values: those travel only inside a pull, with their salts; whoever has both puts
them together (`disclose`). A holder's own export discloses everything.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace

from api.errors import ApiError, Kind
from api.policy.claims import outdated
from api.services import passkey_evidence
from api.services.context import Context
from api.services.days import city_day
from api.services.earlier import earlier, placed
from api.services.log import with_witnesses
from api.store import Session, clock
from api.store.bodies import RecordBody
from api.store.crypto import DataKey
from api.store.queries import copies, counter, epochs, erasures, grants, holders, parties, published, receipts, records
from api.store.receipts import open_details
from api.store.tables import Checkpoint, Grant, Receipt
from chain.binding import BY_COUNTER, BY_PROVIDER, Binding, PasskeyBinding
from chain.bundle import (
    Bundle,
    CertificateEvidence,
    CertificateLeaf,
    Custody,
    Disclosed,
    GrantChange,
    GrantEvidence,
    LogEvidence,
    MarkEvidence,
    ReceiptEvidence,
    RequestEvidence,
    parse_bundle,
)
from chain.canonical import Json, field_salt
from chain.earlier import EarlierReceipt
from chain.grantmsg import GrantMessage, GrantStatus
from chain.jose import parse_jwk
from chain.merkle import BatchTree, inclusion_proof
from chain.receipt import ReceiptKind
from chain.terms import AUTHORITY, parse_terms

CONTRACTS = ("PartyRegistry", "CertificateAnchors", "Grants", "ReceiptLog")
CHANGE_STATUS = {"active": GrantStatus.ACTIVE, "paused": GrantStatus.PAUSED, "revoked": GrantStatus.REVOKED}


def certificate_bundle(ctx: Context, session: Session, holder_id: str, record_id: str) -> Bundle:
    """The holder's own proof of one certificate, every field and every claim that still holds disclosed.

    Raises `certificates.not_found`.
    """
    view = records.get_record(session, holder_id, record_id)
    if view is None:
        raise ApiError("certificates.not_found", Kind.NOT_FOUND)
    key = holders.holder_key(session, ctx.vault, holder_id)
    body = records.open_body(key, view.record)
    # What time has overtaken would mislead whoever is shown it; it stays committed and undisclosed.
    schema, today = ctx.catalogue.ready_type(view.record.type_code), city_day(clock.now_ms(session))
    disclose = body.fields.keys() - outdated(schema, body.fields, today)
    return _bundle(ctx, (certificate_evidence(session, view, body, sorted(disclose)),))


def receipt_bundle(ctx: Context, session: Session, receipt: Receipt) -> Bundle:
    """What a receipt proves: certificates without values, grant, delivery, mark, signed request, place in the log.

    Of an erased holder, the bundle that was kept of a copy's first delivery, until its time of keeping is over; its
    place in the log is today's. Raises `store.erased` where nothing is kept.
    """
    left = erasures.retained_proof(session, ctx.vault, receipt.id)
    if left is not None:
        return _as_of_today(ctx, session, receipt, parse_bundle(left))
    details = open_details(session, ctx.vault, receipt)
    certificates: tuple[CertificateEvidence, ...] = ()
    grant_part = mark = request = None
    if receipt.grant_id is not None and receipt.holder_id is not None:
        key = holders.holder_key(session, ctx.vault, receipt.holder_id)
        grant = grants.grant_of_holder(session, receipt.holder_id, receipt.grant_id)
        # A statement of a copy's end stands by itself: that its grant is over by then must not make it look void.
        if grant is not None and receipt.kind != ReceiptKind.DELETION:
            grant_part = grant_evidence(ctx, session, key, grant, _checkpoint(ctx, session, receipt))
        if receipt.kind == ReceiptKind.DELIVERY and receipt.copy_id is not None:
            copy = next(c for c in copies.copies_of_grant(session, receipt.grant_id) if c.id == receipt.copy_id)
            mark = MarkEvidence(
                _json(copy.mark_document),
                copies.open_mark_salt(key, copy),
                _opening(ctx, session, copy.epoch, _checkpoint(ctx, session, receipt)),
            )
            content = copies.content_of_copy(session, copy)
            ids = [str(item["record"]) for item in content.records]
            views = [records.get_record(session, receipt.holder_id, record_id) for record_id in ids]
            certificates = tuple(
                certificate_evidence(session, view, records.open_body(key, view.record), ())
                for view in views
                if view is not None
            )
    kept = receipts.kept_request(session, ctx.vault, receipt.id)
    if kept is not None:
        jwk = kept["key"]
        assert isinstance(jwk, dict)
        request = RequestEvidence(
            str(kept["base"]), bytes.fromhex(str(kept["signature"])), parse_jwk(jwk, "/request/key")
        )
    return _bundle(
        ctx,
        certificates,
        grant=grant_part,
        receipt=_receipt_evidence(ctx, receipt, details.details, details.salt),
        mark=mark,
        log=_log_evidence(ctx, session, receipt),
        request=request,
    )


def certificate_evidence(
    session: Session, view: records.RecordView, body: RecordBody, disclose: Iterable[str]
) -> CertificateEvidence:
    """Leaf, batch proof and the named fields with their salts."""
    record = view.record
    tree = BatchTree.from_bytes(records.trees(session, [record.batch_id])[record.batch_id], view.size)
    issuer = parties.party_by_address(session, view.issuer)
    return CertificateEvidence(
        CertificateLeaf(record.type_code, record.rules, record.leaf_index, body.commitments()),
        {name: Disclosed(body.fields[name], field_salt(body.seed, name)) for name in disclose},
        view.size,
        tuple(tree.inclusion(record.leaf_index)),
        view.root,
        view.issuer,
        Custody(issuer.custody if issuer else "demo"),
    )


def grant_evidence(
    ctx: Context, session: Session, key: DataKey, grant: Grant, checkpoint: Checkpoint | None
) -> GrantEvidence:
    """The signed grant with its terms, what binds it to its citizen, and the changes signed since.

    Where a passkey binds it, the receipt of that key's registration is proven under `checkpoint`.
    """
    secret = grants.open_secret(key, grant)
    kind = AUTHORITY if grant.custody == AUTHORITY else BY_PROVIDER
    binding: Binding | PasskeyBinding | None = None
    if secret.binding_passkey is not None:
        binding = passkey_evidence.binding(ctx, session, secret.binding_salt, secret.binding_passkey, checkpoint)
    elif secret.binding_token is not None:
        binding = Binding(secret.binding_token, secret.binding_salt, kind)
        office = counter.office_of_grant(session, grant.id)
        if office is not None:
            binding = replace(binding, kind=BY_COUNTER, office=office.id, custody=office.custody)
    return GrantEvidence(
        message_of(grant),
        grant.signature,
        parse_terms(grant.terms, "/grant/terms"),
        secret.terms_salt,
        binding,
        tuple(
            GrantChange(CHANGE_STATUS[event.state], event.number, event.signature)
            for event in grants.events_of(session, grant.id)
            if event.signature is not None and event.number is not None
        ),
    )


def message_of(grant: Grant) -> GrantMessage:
    """The EIP-712 message that the grant's own key signed."""
    message = grant.message
    return GrantMessage(
        grant.key_address,
        bytes.fromhex(str(message["terms"])[2:]),
        bytes.fromhex(str(message["binding"])[2:]),
        int(str(message["notBefore"])),
        int(str(message["notAfter"])),
    )


def _opening(ctx: Context, session: Session, epoch_id: str, checkpoint: Checkpoint | None) -> EarlierReceipt | None:
    """The receipt of the epoch whose key marked a copy; None of an epoch that no row tells of, which fsck names."""
    epoch = epochs.get_epoch(session, epoch_id)
    receipt = None if epoch is None else receipts.get_receipt(session, epoch.receipt_id)
    return None if receipt is None else earlier(ctx, session, receipt, checkpoint)


def _as_of_today(ctx: Context, session: Session, receipt: Receipt, kept: Bundle) -> Bundle:
    """A kept bundle with its receipts' places under the checkpoint that its log evidence has today."""
    checkpoint, grant, mark = _checkpoint(ctx, session, receipt), kept.grant, kept.mark
    if mark is not None and mark.epoch is not None:
        mark = replace(mark, epoch=placed(session, mark.epoch, checkpoint))
    if grant is not None and isinstance(grant.binding, PasskeyBinding):
        registration = placed(session, grant.binding.registration, checkpoint)
        grant = replace(grant, binding=replace(grant.binding, registration=registration))
    return replace(kept, grant=grant, mark=mark, log=_log_evidence(ctx, session, receipt))


def _receipt_evidence(ctx: Context, receipt: Receipt, details: Mapping[str, Json], salt: bytes) -> ReceiptEvidence:
    if receipt.number is None or receipt.leaf is None or receipt.promise is None:
        raise ApiError("receipts.not_numbered", Kind.CONFLICT)
    leaf = json.loads(receipt.leaf)
    return ReceiptEvidence(
        ReceiptKind(receipt.kind),
        ctx.log.log_id,
        receipt.number,
        int(leaf["time"]),
        receipt.commitment,
        details,
        salt,
        receipt.promise,
    )


def _log_evidence(ctx: Context, session: Session, receipt: Receipt) -> LogEvidence | None:
    """The receipt's place under a checkpoint on chain, with what witnesses signed; None while it waits for one."""
    checkpoint = _checkpoint(ctx, session, receipt)
    if receipt.number is None or checkpoint is None:
        return None
    proof = inclusion_proof(
        lambda level, index: receipts.log_node(session, level, index), receipt.number, checkpoint.size
    )
    return LogEvidence(with_witnesses(session, checkpoint), tuple(proof))


def _checkpoint(ctx: Context, session: Session, receipt: Receipt) -> Checkpoint | None:
    """The smallest checkpoint on chain over the receipt that enough witnesses signed; without one, the most of them."""
    if receipt.number is None:
        return None
    handles = [key.handle for key in ctx.settings.witness_keys]
    for enough in range(ctx.settings.witness_quorum if handles else 0, 0, -1):
        found = published.witnessed_over(session, receipt.number, handles, enough)
        if found is not None:
            return found
    return receipts.checkpoint_over(session, receipt.number)


def _bundle(
    ctx: Context,
    certificates: tuple[CertificateEvidence, ...],
    *,
    grant: GrantEvidence | None = None,
    receipt: ReceiptEvidence | None = None,
    mark: MarkEvidence | None = None,
    log: LogEvidence | None = None,
    request: RequestEvidence | None = None,
) -> Bundle:
    contracts = {name: ctx.chain.address(name) for name in CONTRACTS}
    return Bundle(ctx.chain.chain_id, contracts, certificates, grant, receipt, mark, log, request)


def _json(document: Mapping[str, object]) -> dict[str, Json]:
    return {name: str(value) for name, value in document.items()}
