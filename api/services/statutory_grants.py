"""The authorisation behind a query by statutory duty: a grant in form, with nobody's consent in it and no way back.

It serves once (a lost answer may be fetched again within a day), ends by itself, and its copies live as long as the
basis lets them. A department signs for it with its account, and so does an entity with a duty by law whose staff ask;
an entity's system has signed its request instead, which the receipts name (docs/formats.md).
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace

from api.catalogue.model import StatutoryBasis
from api.policy.states import GrantState, RequestState
from api.services import chain_outbox
from api.services.context import Actor, Context, Relation, Role
from api.services.evidence import message_of
from api.services.grants.events import announce_grant, author_of, begun
from api.services.pulls import SignedPull
from api.store import Session, clock, ids, read_only
from api.store.bodies import GrantSecret
from api.store.numbering import NumberedReceipt, Numberer
from api.store.queries import grants, holders, parties, receipts, statutory
from api.store.queries.registrations import LegalBasis
from api.store.receipts import ReceiptDraft
from api.store.tables import Grant, Party, Request
from chain.canonical import Json, canonical
from chain.grantmsg import GrantMessage, authority_digest, binding_commitment, grant_digest, terms_hash
from chain.terms import AUTHORITY, STATUTORY_DUTY

LIFE_S = 86_400
USES = 1
NOTICE_VERSION = 1
UNASKED = "none"  # how somebody said yes: nobody did


def begin(
    ctx: Context,
    actor: Actor,
    access_id: str,
    basis: StatutoryBasis,
    holder_id: str,
    items: Sequence[tuple[str, str]],
    signed: SignedPull | None,
) -> str:
    """Write the authorisation of a query that was let in; its id."""
    party_id = actor.party(Role.DEPARTMENT, Role.ENTITY)
    with read_only(ctx.db) as session:
        party, now = parties.get_party(session, party_id), clock.now_ms(session)
        access = statutory.access_of_party(session, party_id, access_id)
    assert party is not None and access is not None
    request = Request(
        id=ids.new_request_id(),
        entity_id=party_id,
        holder_id=holder_id,
        legal_basis=LegalBasis.STATUTORY_DUTY.value,
        purpose_code=basis.code,
        case_no=access.case_no,
        items=[_item(ctx, *item) for item in sorted(set(items))],
        cut=[],
        wanted_days=1,
        wanted_uses=USES,
        state=RequestState.APPROVED.value,
        created_at_ms=now,
        lapses_at_ms=now,
        decided_at_ms=now,
    )
    grant, secret = _make(ctx, party, basis, request, now, by_request=signed is not None)

    def work(session: Session, numberer: Numberer) -> NumberedReceipt:
        session.add(request)
        session.flush()
        grants.seal_secret(holders.holder_key(session, ctx.vault, holder_id), grant, secret)
        session.add(grant)
        session.flush()
        statutory.authorised(session, access_id, holder_id, grant.id)
        named = None if signed is None else "0x" + hashlib.sha256(signed.base.encode()).hexdigest()

        def add(draft: ReceiptDraft) -> NumberedReceipt:
            details: dict[str, Json] = {**draft.details, "basis": basis.code, "request": named}
            return numberer.add(replace(draft, details=details))

        receipt = begun(session, grant, author_of(actor), numberer.now_ms, add, str(grant.message["terms"]))
        if signed is not None:
            kept: dict[str, Json] = {"base": signed.base, "signature": signed.signature.hex(), "key": dict(signed.key)}
            receipts.keep_request(session, ctx.vault, receipt.id, kept)
        announce_grant(session, grant, chain_outbox.grant_payload(message_of(grant), grant.signature))
        return receipt

    ctx.log.submit(work)
    return grant.id


def _make(
    ctx: Context, party: Party, basis: StatutoryBasis, request: Request, now_ms: int, *, by_request: bool
) -> tuple[Grant, GrantSecret]:
    not_before = now_ms // 1000
    grant_id = ids.new_grant_id()
    assert request.holder_id is not None
    notice = _notice(party, basis, request)
    terms: dict[str, Json] = {
        "schema": "mydata/terms/1",
        "grant": grant_id,
        "request": request.id,
        "extends": None,
        "entity": {"id": party.id, "uscc": party.uscc, "name": party.name_zh},
        "holder": ctx.pairwise(request.holder_id, party.id),
        "relation": Relation.SELF.value,
        "authority": None,
        "legal_basis": STATUTORY_DUTY,
        "purpose": {"code": basis.code, "version": basis.version},
        "scenario": None,
        "case_no": request.case_no,
        "item_code": None,
        "use_cause": basis.text_zh,
        "kind": "one_off",
        "frequency": {"per_day": USES, "per_month": USES},
        "storage": "CN",
        "items": [
            {"type": str(item["type"]), "field": str(item["field"]), "necessary": True, "sensitive": False}
            for item in request.items
        ],
        "mode": "STORE",
        "max_uses": USES,
        "not_before": not_before,
        "not_after": not_before + LIFE_S,
        "data_life_days": basis.data_life_days,
        "onward_transfer": False,
        "notice": {
            "language": "zh-Hans",
            "version": NOTICE_VERSION,
            "sha256": "0x" + hashlib.sha256(canonical(dict(notice))).hexdigest(),
            "indication": UNASKED,
        },
        "custody": AUTHORITY,
        "requested_at": not_before,
        "approved_at": not_before,
    }
    terms_salt, binding_salt, key = secrets.token_bytes(32), secrets.token_bytes(32), secrets.token_bytes(32)
    committed = terms_hash(terms_salt, terms)
    statement: str | None = None
    if party.role == parties.PartyRole.DEPARTMENT:
        statement = "0x" + ctx.department_signer(party.id).sign_digest(authority_digest(committed)).hex()
    elif not by_request:
        # A session is no evidence to outsiders: somebody must answer for the query by a signature.
        statement = "0x" + ctx.party_signer(party.id).sign_digest(authority_digest(committed)).hex()
    signer = ctx.signer(key)
    message = GrantMessage(
        signer.address,
        committed,
        binding_commitment(binding_salt, statement or ""),
        not_before,
        not_before + LIFE_S,
    )
    digest = grant_digest(message, ctx.chain.chain_id, ctx.chain.address("Grants"))
    grant = Grant(
        id=grant_id,
        request_id=request.id,
        holder_id=request.holder_id,
        entity_id=party.id,
        legal_basis=LegalBasis.STATUTORY_DUTY.value,
        digest=digest,
        key_address=signer.address,
        terms=dict(terms),
        message={
            "key": "0x" + message.key.hex(),
            "terms": "0x" + message.terms.hex(),
            "binding": "0x" + message.binding.hex(),
            "notBefore": message.not_before,
            "notAfter": message.not_after,
        },
        signature=signer.sign_digest(digest),
        custody=AUTHORITY,
        state=GrantState.ACTIVE.value,
        not_before_ms=message.not_before * 1000,
        not_after_ms=message.not_after * 1000,
        max_uses=USES,
        use_count=0,
        seq=0,
        lock_version=0,
        anchor_state="pending",
        created_at_ms=now_ms,
        notice=dict(notice),
    )
    return grant, GrantSecret(key, terms_salt, binding_salt, statement)


def _item(ctx: Context, type_code: str, name: str) -> dict[str, object]:
    ctx.catalogue.ready_type(type_code).field(name)
    return {"type": type_code, "field": name, "necessary": True, "sensitive": False}


def _notice(party: Party, basis: StatutoryBasis, request: Request) -> Mapping[str, Json]:
    """What the person concerned is told afterwards, in place of what a consent screen shows before."""
    return {
        "schema": "mydata/notice/1",
        "language": "zh-Hans",
        "version": NOTICE_VERSION,
        "recipient": {"name": party.name_zh, "uscc": party.uscc},
        "purpose": {"name": basis.zh, "text": basis.text_zh},
        "law": basis.law_zh,
        "case_no": request.case_no,
        "data_life_days": basis.data_life_days,
    }
