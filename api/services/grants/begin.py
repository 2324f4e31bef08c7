"""How a grant begins: the holder's yes, under a key of its own, bound to the holder's presence."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from api.errors import ApiError, Kind
from api.policy import fair_use
from api.policy.mandates import Action
from api.policy.requests import Ask, clamp
from api.policy.states import GrantState, RequestState
from api.services import chain_outbox
from api.services.authority import Authority, authority, in_terms, note_grant
from api.services.backfill import require_reviewed
from api.services.context import Actor, Also, Context, Relation
from api.services.evidence import message_of
from api.services.grants.events import DEMO_CUSTODY, announce_grant, author_of, begun
from api.services.grants.notice import NOTICE_VERSION, notice, notice_hash
from api.services.grants.succession import take_place
from api.services.requests import asked_of
from api.store import Session, clock, ids, read_only
from api.store.bodies import GrantSecret
from api.store.numbering import NumberedReceipt, Numberer
from api.store.queries import grants, holders, parties, requests
from api.store.tables import Grant, Party, Request
from chain.canonical import Json
from chain.grantmsg import GrantMessage, binding_commitment, binding_nonce, counter_digest, grant_digest, terms_hash
from chain.points import reached

CUSTODY = "custody"
ONE_OFF, STANDING = "one_off", "standing"
# How somebody said yes: at a service window to an officer, or by the button under what was shown, each sensitive field
# ticked by itself.
COUNTER, BUTTON = "counter", "button"
STORAGE = "CN"  # where recipients may keep copies (PIPL articles 36 and 38: a transfer abroad is another consent)


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
    `requests.sensitive_not_ticked`, `mandate.…` for a representative.
    """
    with read_only(ctx.db) as session:
        request, may = asked_of(ctx, session, actor, request_id, Action.DECIDE)
        entity = parties.get_party(session, request.entity_id)
        now = clock.now_ms(session)
    assert entity is not None
    grant, secret = make(ctx, actor, may, request, entity, approval, now)
    reached("grant/made")
    receipt = ctx.log.submit(begin(ctx, actor, grant, secret, also))
    reached("grant/begun")
    return grant, receipt


@dataclass(frozen=True, slots=True)
class Laid:
    """A grant's terms as they are laid before whoever decides, with the notice and the limits that go with them."""

    holder_id: str
    terms: dict[str, Json]
    notice: dict[str, object]
    fair_use: dict[str, object]
    created_at_ms: int


def make(
    ctx: Context, actor: Actor, may: Authority, request: Request, entity: Party, approval: Approval, now: int
) -> tuple[Grant, GrantSecret]:
    """The grant that an approval leads to, signed by a key of its own; nothing is written yet.

    Raises `grants.draft_needed` where the identity provider asks the person itself, which it cannot at a counter.
    """
    laid = lay(ctx, actor, may, request, entity, approval, now)
    terms_salt, binding_salt, key = secrets.token_bytes(32), secrets.token_bytes(32), one_off_key()
    terms_digest = terms_hash(terms_salt, laid.terms)
    if actor.relation is Relation.COUNTER:
        token = witnessed(ctx, actor, terms_digest)
    else:
        token = minted(ctx, actor, may.holder_id, entity.id, terms_digest)
    signer = ctx.signer(key)
    grant = row_of(ctx, laid, signer.address, terms_digest, binding_commitment(binding_salt, token))
    grant.signature = signer.sign_digest(grant.digest)
    return grant, GrantSecret(key, terms_salt, binding_salt, token)


def witnessed(ctx: Context, actor: Actor, terms_digest: bytes) -> str:
    """The signature of the department at whose counter the person is present: 65 bytes as 0x-hexadecimal.

    No identity provider sees somebody without a phone, so the department answers for it with its account. Raises
    `counter.own_signer` where the department keeps its key itself.
    """
    with read_only(ctx.db) as session:
        office = None if actor.party_id is None else parties.get_party(session, actor.party_id)
    if office is None:
        raise ApiError("auth.forbidden", Kind.FORBIDDEN)
    if office.custody != DEMO_CUSTODY:
        raise ApiError("counter.own_signer", Kind.CONFLICT)
    return "0x" + ctx.department_signer(office.id).sign_digest(counter_digest(terms_digest)).hex()


def minted(ctx: Context, actor: Actor, holder_id: str, entity_id: str, terms_digest: bytes) -> str:
    """A token of a provider that vouches in one step.

    It names a pseudonym of this recipient's alone, for it travels in the bundle: of whoever was present, which is the
    holder itself (the same as in the terms) unless somebody acts for it.
    """
    return ctx.provider.token(ctx.pairwise(actor.present or holder_id, entity_id), binding_nonce(terms_digest))


def lay(
    ctx: Context,
    actor: Actor,
    may: Authority,
    request: Request,
    entity: Party,
    approval: Approval,
    now: int,
    custody: str = CUSTODY,
) -> Laid:
    """The terms that an approval leads to.

    Raises `requests.nothing_chosen`, `requests.sensitive_not_ticked`, `requests.not_reviewed`.
    """
    holder_id = may.holder_id
    purpose = ctx.catalogue.purpose(request.purpose_code)
    items = _chosen(request, approval)
    types = sorted({str(item["type"]) for item in items})
    require_reviewed(ctx, holder_id, types)
    wanted = Ask(min(approval.days, request.wanted_days), min(approval.uses, request.wanted_uses))
    wish, _ = clamp(wanted, purpose, types)
    not_before, not_after = now // 1000, now // 1000 + wish.days * 86_400
    grant_id = ids.new_grant_id()
    caps = purpose.fair_use_of(types)
    shown = notice(ctx, request, entity, purpose, items, wish, caps.data_life_days, approval.language)
    terms: dict[str, Json] = {
        "schema": "mydata/terms/1",
        "grant": grant_id,
        "request": request.id,
        "extends": request.extends_id,
        "entity": {"id": entity.id, "uscc": entity.uscc, "name": entity.name_zh},
        "holder": ctx.pairwise(holder_id, entity.id),
        "relation": actor.relation.value,
        "authority": in_terms(ctx, actor, may, entity.id),
        "legal_basis": "consent",
        "purpose": {"code": purpose.code, "version": purpose.version},
        "scenario": request.scenario_code,
        "case_no": request.case_no,
        "item_code": None if request.item_no is None else str(request.item_no),
        "use_cause": purpose.text("en" if approval.language == "en" else "zh-Hans"),
        "kind": ONE_OFF if wish.uses == 1 else STANDING,
        "frequency": {"per_day": caps.pulls_per_day, "per_month": caps.pulls_per_month},
        "storage": STORAGE,
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
        "data_life_days": caps.data_life_days,
        "onward_transfer": False,
        "notice": {
            "language": approval.language,
            "version": NOTICE_VERSION,
            "sha256": "0x" + notice_hash(shown).hex(),
            "indication": COUNTER if actor.relation is Relation.COUNTER else BUTTON,
        },
        "custody": custody,
        "requested_at": request.created_at_ms // 1000,
        "approved_at": not_before,
    }
    caps_kept = fair_use.kept(fair_use.caps_of(purpose, types))
    return Laid(holder_id, terms, dict(shown), caps_kept, now)


def row_of(ctx: Context, laid: Laid, key_address: bytes, terms_digest: bytes, binding: bytes) -> Grant:
    """The grant's row with its message and digest, all but signed."""
    terms, entity = laid.terms, laid.terms["entity"]
    assert isinstance(entity, dict)
    not_before, not_after = int(str(terms["not_before"])), int(str(terms["not_after"]))
    message = GrantMessage(key_address, terms_digest, binding, not_before, not_after)
    extends = terms["extends"]
    return Grant(
        id=str(terms["grant"]),
        request_id=str(terms["request"]),
        supersedes_id=None if extends is None else str(extends),
        holder_id=laid.holder_id,
        entity_id=str(entity["id"]),
        digest=grant_digest(message, ctx.chain.chain_id, ctx.chain.address("Grants")),
        key_address=key_address,
        terms=dict(terms),
        message={
            "key": "0x" + message.key.hex(),
            "terms": "0x" + message.terms.hex(),
            "binding": "0x" + message.binding.hex(),
            "notBefore": not_before,
            "notAfter": not_after,
        },
        custody=str(terms["custody"]),
        state=GrantState.ACTIVE.value,
        not_before_ms=not_before * 1000,
        not_after_ms=not_after * 1000,
        max_uses=int(str(terms["max_uses"])),
        use_count=0,
        seq=0,
        lock_version=0,
        anchor_state="pending",
        created_at_ms=laid.created_at_ms,
        notice=dict(laid.notice),
        fair_use=laid.fair_use,
    )


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


def begin(
    ctx: Context,
    actor: Actor,
    grant: Grant,
    secret: GrantSecret,
    also: Also[tuple[Grant, NumberedReceipt]] | None,
    *,
    offered: Request | None = None,
) -> Callable[[Session, Numberer], NumberedReceipt]:
    """The work for the log writer: the request is still open, then everything stands together.

    `offered` is the request that a holder makes in place of the recipient; it is written first.
    """

    def work(session: Session, numberer: Numberer) -> NumberedReceipt:
        if offered is not None:
            session.add(offered)
            session.flush()
        request = requests.request_to_holder(session, grant.holder_id, grant.request_id, lock=True)
        if request is None or request.state != RequestState.REQUESTED:
            raise ApiError("requests.decided", Kind.CONFLICT)
        if request.lapses_at_ms <= numberer.now_ms:
            raise ApiError("requests.lapsed", Kind.CONFLICT)
        touched = grants.types_of(grant)
        authority(ctx, session, actor, Action.DECIDE, types=touched, purpose=request.purpose_code, lock=True)
        request.state, request.decided_at_ms = RequestState.APPROVED, numberer.now_ms
        grants.seal_secret(holders.holder_key(session, ctx.vault, grant.holder_id), grant, secret)
        session.add(grant)
        session.flush()
        note_grant(session, actor, grant.id)
        author, terms = author_of(actor), str(grant.message["terms"])
        receipt = begun(session, grant, author, numberer.now_ms, numberer.add, terms)
        announce_grant(session, grant, chain_outbox.grant_payload(message_of(grant), grant.signature))
        if grant.supersedes_id is not None:
            take_place(session, grant, grant.supersedes_id, author, numberer.now_ms, numberer.add)
        if also is not None:
            also(session, (grant, receipt))
        return receipt

    return work


def one_off_key() -> bytes:
    """32 bytes that are a secp256k1 scalar but for a chance of 2^-128."""
    return secrets.token_bytes(32)


def _pair(item: dict[str, object]) -> tuple[str, str]:
    return str(item["type"]), str(item["field"])
