"""Grants: the holder's yes and its end. Both take effect at once, with a receipt, whether or not the chain answers."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from api.errors import ApiError, Kind
from api.policy.requests import Ask, clamp
from api.policy.states import GrantState, RequestState, check_transition
from api.services import chain_outbox
from api.services.context import Actor, Also, Context, Role
from api.services.evidence import message_of
from api.store import Session, clock, ids, outbox, read_only
from api.store.bodies import GrantSecret
from api.store.numbering import NumberedReceipt, Numberer
from api.store.queries import copies, grants, holders, parties, receipts, requests
from api.store.queries.paging import Page
from api.store.receipts import ReceiptDraft
from api.store.tables import Copy, Grant, Party, Receipt, Request
from chain.canonical import Json
from chain.grantmsg import (
    GrantMessage,
    GrantStatus,
    binding_commitment,
    binding_nonce,
    change_digest,
    grant_digest,
    terms_hash,
)
from chain.receipt import ReceiptKind

DAY_MS = 86_400_000
NOTICE_VERSION = 1
CUSTODY = "custody"


@dataclass(frozen=True, slots=True)
class Approval:
    """What the holder chose: fields ticked (by type and field), days, uses, and the language it was read in.

    Optional fields and sensitive ones go along only if ticked; the latter because they need a consent of their own
    (PIPL article 29), also where the service cannot do without them.
    """

    ticked: frozenset[tuple[str, str]]
    days: int
    uses: int
    language: str = "zh-Hans"


@dataclass(frozen=True, slots=True)
class GrantPage:
    """A grant with what its page shows: recipient, copies made, deliveries and refusals."""

    grant: Grant
    entity: Party
    copies: Sequence[Copy]
    receipts: Sequence[Receipt]


def approve(
    ctx: Context,
    actor: Actor,
    request_id: str,
    approval: Approval,
    *,
    also: Also[tuple[Grant, NumberedReceipt]] | None = None,
) -> tuple[Grant, NumberedReceipt]:
    """Turn a request into a grant under a fresh key, bound to the holder's presence.

    Raises `requests.not_found`, `requests.decided`, `requests.lapsed`, `requests.nothing_chosen`,
    `requests.sensitive_not_ticked`.
    """
    holder_id = actor.holder
    with read_only(ctx.db) as session:
        request = requests.request_to_holder(session, holder_id, request_id)
        if request is None:
            raise ApiError("requests.not_found", Kind.NOT_FOUND)
        entity = parties.get_party(session, request.entity_id)
        now = clock.now_ms(session)
    assert entity is not None
    grant, secret = _make(ctx, holder_id, request, entity, approval, now)
    return grant, ctx.log.submit(_begin(ctx, grant, secret, also))


def revoke(ctx: Context, actor: Actor, grant_id: str, *, also: Also[NumberedReceipt] | None = None) -> NumberedReceipt:
    """End a grant: local, at once, never waiting for the chain. Raises `grants.not_found`, `grant.transition`."""
    holder_id = actor.holder

    def work(session: Session, numberer: Numberer) -> NumberedReceipt:
        if grants.grant_of_holder(session, holder_id, grant_id) is None:
            raise ApiError("grants.not_found", Kind.NOT_FOUND)
        grant = grants.lock_grant(session, grant_id)
        assert grant is not None
        check_transition(GrantState(grant.state), GrantState.REVOKED)
        secret = grants.open_secret(holders.holder_key(session, ctx.vault, holder_id), grant)
        if secret.key is None:
            raise ApiError("grants.own_key", Kind.CONFLICT)
        address = ctx.chain.address("Grants")
        digest = change_digest(grant.digest, GrantStatus.REVOKED, grant.seq, ctx.chain.chain_id, address)
        signature = ctx.signer(secret.key).sign_digest(digest)
        grants.append_event(
            session, grant, GrantState.REVOKED, actor="holder", at_ms=numberer.now_ms, signature=signature
        )
        seq, grant.seq = grant.seq, grant.seq + 1
        payload = chain_outbox.change_payload(
            grant.digest, GrantStatus.REVOKED, seq, signature, after=_change_key(grant.id, seq - 1)
        )
        outbox.put(session, chain_outbox.CHANGE_GRANT, _change_key(grant.id, seq), payload)
        details: dict[str, Json] = {
            "grant": "0x" + grant.digest.hex(),
            "status": int(GrantStatus.REVOKED),
            "seq": seq,
            "actor": "holder",
        }
        receipt = numberer.add(_draft(ReceiptKind.CHANGE, grant, details))
        if also is not None:
            also(session, receipt)
        return receipt

    return ctx.log.submit(work)


def list_of_holder(ctx: Context, actor: Actor, cursor: str | None = None) -> Page[GrantPage]:
    """What the holder granted, newest first."""
    with read_only(ctx.db) as session:
        page = grants.grants_of_holder(session, actor.holder, cursor=cursor)
        return Page([_page(session, grant) for grant in page.items], page.next_cursor)


def list_to_entity(ctx: Context, actor: Actor, cursor: str | None = None) -> Page[GrantPage]:
    """What the entity was granted, newest first."""
    with read_only(ctx.db) as session:
        page = grants.grants_to_entity(session, actor.party(Role.ENTITY), cursor=cursor)
        return Page([_page(session, grant) for grant in page.items], page.next_cursor)


def get(ctx: Context, actor: Actor, grant_id: str) -> GrantPage:
    """One grant, for its holder or its recipient; `grants.not_found` for everybody else."""
    with read_only(ctx.db) as session:
        if actor.role is Role.CITIZEN:
            grant = grants.grant_of_holder(session, actor.holder, grant_id)
        else:
            grant = grants.grant_to_entity(session, actor.party(Role.ENTITY), grant_id)
        if grant is None:
            raise ApiError("grants.not_found", Kind.NOT_FOUND)
        return _page(session, grant)


def shown_state(grant: Grant, now_ms: int) -> GrantState:
    """The state that people see: an end that has come by time or use, whether or not anybody noted it yet."""
    state = GrantState(grant.state)
    if state.final:
        return state
    if now_ms >= grant.not_after_ms:
        return GrantState.EXPIRED
    return GrantState.EXHAUSTED if grant.use_count >= grant.max_uses else state


def _make(
    ctx: Context, holder_id: str, request: Request, entity: Party, approval: Approval, now: int
) -> tuple[Grant, GrantSecret]:
    purpose = ctx.catalogue.purpose(request.purpose_code)
    wish, _ = clamp(Ask(min(approval.days, request.wanted_days), min(approval.uses, request.wanted_uses)), purpose)
    items = _chosen(request, approval)
    not_before, not_after = now // 1000, now // 1000 + wish.days * 86_400
    grant_id = ids.new_grant_id()
    terms: dict[str, Json] = {
        "schema": "mydata/terms/1",
        "grant": grant_id,
        "request": request.id,
        "entity": {"id": entity.id, "uscc": entity.uscc, "name": entity.name_zh},
        "holder": ctx.pairwise(holder_id, entity.id),
        "relation": "self",
        "legal_basis": "consent",
        "purpose": {"code": purpose.code, "version": purpose.version},
        "scenario": request.scenario_code,
        "case_no": request.case_no,
        "items": [
            {
                "type": str(item["type"]),
                "field": str(item["field"]),
                "necessary": bool(item["necessary"]),
                "sensitive": bool(item["sensitive"]),
            }
            for item in items
        ],
        "mode": "STORE",
        "max_uses": wish.uses,
        "not_before": not_before,
        "not_after": not_after,
        "data_life_days": purpose.data_life_days,
        "onward_transfer": False,
        "notice": {"language": approval.language, "version": NOTICE_VERSION},
        "custody": CUSTODY,
        "requested_at": request.created_at_ms // 1000,
        "approved_at": not_before,
    }
    terms_salt, binding_salt, key = secrets.token_bytes(32), secrets.token_bytes(32), _one_off_key()
    terms_digest = terms_hash(terms_salt, terms)
    # The same pseudonym as in the terms: the token travels in the bundle, and two recipients must not be able to join
    # their holders by it.
    token = ctx.provider.token(str(terms["holder"]), binding_nonce(terms_digest))
    signer = ctx.signer(key)
    message = GrantMessage(signer.address, terms_digest, binding_commitment(binding_salt, token), not_before, not_after)
    digest = grant_digest(message, ctx.chain.chain_id, ctx.chain.address("Grants"))
    grant = Grant(
        id=grant_id,
        request_id=request.id,
        holder_id=holder_id,
        entity_id=entity.id,
        digest=digest,
        key_address=signer.address,
        terms=dict(terms),
        message={
            "key": "0x" + message.key.hex(),
            "terms": "0x" + message.terms.hex(),
            "binding": "0x" + message.binding.hex(),
            "notBefore": not_before,
            "notAfter": not_after,
        },
        signature=signer.sign_digest(digest),
        custody=CUSTODY,
        state=GrantState.ACTIVE.value,
        not_before_ms=not_before * 1000,
        not_after_ms=not_after * 1000,
        max_uses=wish.uses,
        use_count=0,
        seq=0,
        lock_version=0,
        anchor_state="pending",
        created_at_ms=now,
    )
    return grant, GrantSecret(key, terms_salt, binding_salt, token)


def _chosen(request: Request, approval: Approval) -> list[dict[str, object]]:
    plain = [item for item in request.items if item["necessary"] and not item["sensitive"]]
    ticked = [item for item in request.items if item not in plain and _pair(item) in approval.ticked]
    left = [item for item in request.items if item not in plain and item not in ticked]
    if any(item["necessary"] for item in left):
        raise ApiError("requests.sensitive_not_ticked", Kind.CONFLICT)
    chosen = [item for item in request.items if item in plain or item in ticked]
    if not chosen:
        raise ApiError("requests.nothing_chosen", Kind.CONFLICT)
    return chosen


def _begin(
    ctx: Context, grant: Grant, secret: GrantSecret, also: Also[tuple[Grant, NumberedReceipt]] | None
) -> Callable[[Session, Numberer], NumberedReceipt]:
    """The work for the log writer: the request is still open, then everything stands together."""

    def work(session: Session, numberer: Numberer) -> NumberedReceipt:
        request = requests.request_to_holder(session, grant.holder_id, grant.request_id, lock=True)
        if request is None or request.state != RequestState.REQUESTED:
            raise ApiError("requests.decided", Kind.CONFLICT)
        if request.lapses_at_ms <= numberer.now_ms:
            raise ApiError("requests.lapsed", Kind.CONFLICT)
        request.state, request.decided_at_ms = RequestState.APPROVED, numberer.now_ms
        grants.seal_secret(holders.holder_key(session, ctx.vault, grant.holder_id), grant, secret)
        session.add(grant)
        session.flush()
        grants.append_event(session, grant, GrantState.ACTIVE, actor="holder", at_ms=numberer.now_ms)
        payload = chain_outbox.grant_payload(message_of(grant), grant.signature)
        outbox.put(session, chain_outbox.REGISTER_GRANT, _change_key(grant.id, -1), payload)
        details: dict[str, Json] = {
            "grant": "0x" + grant.digest.hex(),
            "terms": str(grant.message["terms"]),
            "entity": grant.entity_id,
        }
        receipt = numberer.add(_draft(ReceiptKind.GRANT, grant, details))
        if also is not None:
            also(session, (grant, receipt))
        return receipt

    return work


def _draft(kind: ReceiptKind, grant: Grant, details: dict[str, Json]) -> ReceiptDraft:
    return ReceiptDraft(kind, details, holder_id=grant.holder_id, party_id=grant.entity_id, grant_id=grant.id)


def _page(session: Session, grant: Grant) -> GrantPage:
    entity = parties.get_party(session, grant.entity_id)
    assert entity is not None
    return GrantPage(
        grant, entity, copies.copies_of_grant(session, grant.id), receipts.receipts_of_grant(session, grant.id)
    )


def _change_key(grant_id: str, seq: int) -> str:
    """Key of a grant's transaction: registration is -1, changes count from 0; each follows the one before."""
    return f"grant:{grant_id}" if seq < 0 else f"grant:{grant_id}:{seq}"


def _one_off_key() -> bytes:
    """32 bytes that are a secp256k1 scalar but for a chance of 2^-128."""
    return secrets.token_bytes(32)


def _pair(item: dict[str, object]) -> tuple[str, str]:
    return str(item["type"]), str(item["field"])
