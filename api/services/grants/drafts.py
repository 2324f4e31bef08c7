"""Grants that are laid before their holder first and given afterwards: terms and digest, then presence, then the yes.

Between the two the person shows presence for exactly these terms: in a round at the identity provider whose token
carries their digest as its nonce, or with a passkey whose challenge is that digest. Whoever brings a key of their own
signs the finished message in their own software; no key of theirs is ever held here. A draft lives ten minutes, is
its presenter's alone, and is gone with the grant that it becomes.
"""

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from api.errors import ApiError, Kind
from api.policy.mandates import Action
from api.services import passkey_evidence
from api.services.context import Actor, Also, Context
from api.services.grants.begin import CUSTODY, Approval, Laid, begin, lay, minted, one_off_key, row_of
from api.services.identity import passkeys, rounds
from api.services.requests import asked_of
from api.store import Session, clock, ids, read_only, unit_of_work
from api.store.bodies import GrantSecret
from api.store.crypto import Purpose
from api.store.numbering import NumberedReceipt
from api.store.queries import drafts as rows
from api.store.queries import holders, parties
from api.store.tables import Grant, GrantDraft
from chain.binding import BY_PASSKEY, BY_PROVIDER
from chain.canonical import Json
from chain.errors import SignatureError
from chain.grantmsg import (
    DOMAIN_VERSION,
    GRANTS_DOMAIN,
    GrantMessage,
    binding_commitment,
    binding_nonce,
    check_signer,
    terms_hash,
)

OWN_KEY = "own_key"
LIFE_MS = 10 * 60_000
DOMAIN_FIELDS = [
    {"name": "name", "type": "string"},
    {"name": "version", "type": "string"},
    {"name": "chainId", "type": "uint256"},
    {"name": "verifyingContract", "type": "address"},
]
GRANT_FIELDS = [
    {"name": "key", "type": "address"},
    {"name": "terms", "type": "bytes32"},
    {"name": "binding", "type": "bytes32"},
    {"name": "notBefore", "type": "uint40"},
    {"name": "notAfter", "type": "uint40"},
]


@dataclass(frozen=True, slots=True)
class Draft:
    """A prepared grant as its holder sees it. `typed_data` (EIP-712) is there once all that it commits to is."""

    id: str
    request_id: str
    terms: Mapping[str, Json]
    terms_digest: bytes
    custody: str
    binding: str | None
    typed_data: Mapping[str, Any] | None
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class _Body:
    """What is sealed of a draft."""

    laid: Laid
    terms_salt: bytes
    binding_salt: bytes
    key_address: bytes | None
    mandate_id: str | None
    token: str | None = None
    passkey: Mapping[str, str] | None = None

    def to_bytes(self) -> bytes:
        laid = self.laid
        document = {
            "terms": laid.terms,
            "notice": laid.notice,
            "fair_use": laid.fair_use,
            "at_ms": laid.created_at_ms,
            "terms_salt": self.terms_salt.hex(),
            "binding_salt": self.binding_salt.hex(),
            "key_address": None if self.key_address is None else self.key_address.hex(),
            "mandate": self.mandate_id,
            "token": self.token,
            "passkey": None if self.passkey is None else dict(self.passkey),
        }
        return json.dumps(document, ensure_ascii=False).encode()

    @classmethod
    def from_bytes(cls, holder_id: str, data: bytes) -> "_Body":
        document = json.loads(data)
        laid = Laid(holder_id, document["terms"], document["notice"], document["fair_use"], document["at_ms"])
        address = document["key_address"]
        return cls(
            laid,
            bytes.fromhex(document["terms_salt"]),
            bytes.fromhex(document["binding_salt"]),
            None if address is None else bytes.fromhex(address),
            document["mandate"],
            document["token"],
            document["passkey"],
        )

    def commitment(self) -> bytes | None:
        """What the message says of who was present; None while nobody was."""
        if self.passkey is not None:
            return passkey_evidence.commitment(self.binding_salt, self.passkey)
        return None if self.token is None else binding_commitment(self.binding_salt, self.token)


def prepare(
    ctx: Context, actor: Actor, request_id: str, approval: Approval, *, key_address: bytes | None = None
) -> Draft:
    """Lay a grant's terms out. `key_address` (20 bytes): the holder's own key for this grant, made anew for it.

    A provider that vouches in one step does so at once for a holder's own key, whose signature comes last. Raises what
    approving raises of the request, and `grants.key_used` for a key of an earlier grant.
    """
    presenter = actor.self_id
    with read_only(ctx.db) as session:
        request, may = asked_of(ctx, session, actor, request_id, Action.DECIDE)
        rows.check_open(request, clock.now_ms(session))
        entity = parties.get_party(session, request.entity_id)
        if key_address is not None and rows.key_known(session, key_address):
            raise ApiError("grants.key_used", Kind.CONFLICT)
        now = clock.now_ms(session)
    assert entity is not None
    custody = CUSTODY if key_address is None else OWN_KEY
    laid = lay(ctx, actor, may, request, entity, approval, now, custody)
    body = _Body(laid, secrets.token_bytes(32), secrets.token_bytes(32), key_address, actor.mandate_id)
    digest = terms_hash(body.terms_salt, laid.terms)
    if key_address is not None and ctx.provider.mints:
        body = _with(body, token=minted(ctx, actor, may.holder_id, entity.id, digest))
    row = GrantDraft(
        id=ids.new_draft_id(),
        request_id=request_id,
        holder_id=may.holder_id,
        presenter_id=presenter,
        terms_digest=digest,
        custody=custody,
        binding_kind=None if body.token is None else BY_PROVIDER,
        body_enc=b"",
        created_at_ms=now,
        expires_at_ms=now + LIFE_MS,
    )
    with unit_of_work(ctx.db) as session:
        _seal(ctx, session, row, body)
        session.add(row)
        session.flush()
        return _shown(ctx, row, body)


def get(ctx: Context, actor: Actor, draft_id: str) -> Draft:
    """One draft, for whoever it was laid before; `grants.draft_not_found` for everybody else, and when it ran out."""
    with read_only(ctx.db) as session:
        row, body = _open(ctx, session, actor, draft_id)
        return _shown(ctx, row, body)


def passkey_options(ctx: Context, actor: Actor, draft_id: str) -> dict[str, Any]:
    """What the browser needs to answer for the terms with a passkey. Raises `auth.passkey_unknown`."""
    draft = get(ctx, actor, draft_id)
    return passkeys.binding_options(ctx, actor.self_id, draft.terms_digest)


def bind_passkey(ctx: Context, actor: Actor, draft_id: str, answer: passkeys.Answer) -> Draft:
    """Keep a passkey's answer for these terms. Raises `auth.passkey_…`."""
    draft = get(ctx, actor, draft_id)
    found = passkeys.asserted(ctx, answer, draft.terms_digest)
    if found.holder_id != actor.self_id:
        raise ApiError("auth.passkey_unknown", Kind.FORBIDDEN)
    kept = passkey_evidence.kept(found)
    with unit_of_work(ctx.db) as session:
        row, body = _open(ctx, session, actor, draft_id, lock=True)
        return _bind(ctx, session, row, _with(body, passkey=kept, token=None), BY_PASSKEY)


def begin_round(ctx: Context, actor: Actor, draft_id: str) -> rounds.Begun:
    """Send the person to the identity provider, to confirm exactly these terms. Raises `auth.oidc_off`."""
    draft = get(ctx, actor, draft_id)
    started = {"draft": draft.id, "since": str(int(time.time()))}
    return rounds.begin(ctx, started, nonce=binding_nonce(draft.terms_digest))


def end_round(ctx: Context, came: rounds.Came) -> str:
    """Keep the provider's token for the terms that it was asked for; gives the draft's id.

    The round was begun by the draft's presenter in this browser; the token must say that the same person signed in
    since. Raises `auth.oidc_…`, `auth.other_person`, `grants.draft_not_found`.
    """
    said = rounds.oidc(ctx).fresh_claims(came.tokens, came.nonce, int(came.body["since"]))
    present = rounds.holder_of(ctx, str(said["sub"]))
    with unit_of_work(ctx.db) as session:
        row = rows.draft(session, came.body["draft"], clock.now_ms(session), lock=True)
        if row is None or binding_nonce(row.terms_digest) != came.nonce:
            raise ApiError("grants.draft_not_found", Kind.NOT_FOUND)
        if present != row.presenter_id:
            raise ApiError("auth.other_person", Kind.FORBIDDEN)
        body = _unsealed(ctx, session, row)
        _bind(ctx, session, row, _with(body, token=came.tokens.id_token, passkey=None), BY_PROVIDER)
        return row.id


def complete(
    ctx: Context,
    actor: Actor,
    request_id: str,
    draft_id: str,
    *,
    signature: bytes | None = None,
    also: Also[tuple[Grant, NumberedReceipt]] | None = None,
) -> tuple[Grant, NumberedReceipt]:
    """Turn a draft into a grant. `signature` (65 bytes): the holder's own key over the typed data.

    Raises `grants.draft_not_found`, `grants.draft_unconfirmed`, `grants.bad_signature`, and what approving raises.
    """
    with read_only(ctx.db) as session:
        row, body = _open(ctx, session, actor, draft_id)
        if row.request_id != request_id:
            raise ApiError("grants.draft_not_found", Kind.NOT_FOUND)
        digest, holder_id = row.terms_digest, row.holder_id
    entity = body.laid.terms["entity"]
    assert isinstance(entity, dict)
    if body.commitment() is None:
        if not ctx.provider.mints:
            raise ApiError("grants.draft_unconfirmed", Kind.CONFLICT)
        body = _with(body, token=minted(ctx, actor, holder_id, str(entity["id"]), digest))
    commitment = body.commitment()
    assert commitment is not None
    key = None if body.key_address is not None else one_off_key()
    signer = None if key is None else ctx.signer(key)
    address = body.key_address if signer is None else signer.address
    assert address is not None
    grant = row_of(ctx, body.laid, address, digest, commitment)
    grant.signature = _own_signature(grant, signature) if signer is None else signer.sign_digest(grant.digest)
    secret = GrantSecret(key, body.terms_salt, body.binding_salt, body.token, body.passkey)

    def spend(session: Session, made: tuple[Grant, NumberedReceipt]) -> None:
        if not rows.spend(session, draft_id):
            raise ApiError("grants.draft_not_found", Kind.NOT_FOUND)
        if also is not None:
            also(session, made)

    return grant, ctx.log.submit(begin(ctx, actor, grant, secret, spend))


def typed_data(ctx: Context, message: GrantMessage) -> dict[str, Any]:
    """A grant's message as wallets take it (EIP-712): the digest of this is the grant's id on chain."""
    return {
        "types": {"EIP712Domain": DOMAIN_FIELDS, "Grant": GRANT_FIELDS},
        "primaryType": "Grant",
        "domain": domain(ctx),
        "message": {
            "key": "0x" + message.key.hex(),
            "terms": "0x" + message.terms.hex(),
            "binding": "0x" + message.binding.hex(),
            "notBefore": message.not_before,
            "notAfter": message.not_after,
        },
    }


def domain(ctx: Context) -> dict[str, Any]:
    """The EIP-712 domain of the contract Grants."""
    return {
        "name": GRANTS_DOMAIN,
        "version": DOMAIN_VERSION,
        "chainId": ctx.chain.chain_id,
        "verifyingContract": "0x" + ctx.chain.address("Grants").hex(),
    }


def _own_signature(grant: Grant, signature: bytes | None) -> bytes:
    if signature is None:
        raise ApiError("grants.bad_signature", Kind.INVALID)
    try:
        check_signer(grant.digest, signature, grant.key_address)
    except SignatureError:
        raise ApiError("grants.bad_signature", Kind.INVALID) from None
    return signature


def _with(body: _Body, **changes: Any) -> _Body:  # noqa: ANN401 - whatever fields the body has
    fields = {name: getattr(body, name) for name in _Body.__dataclass_fields__}
    return _Body(**{**fields, **changes})


def _bind(ctx: Context, session: Session, row: GrantDraft, body: _Body, kind: str) -> Draft:
    row.binding_kind = kind
    _seal(ctx, session, row, body)
    session.flush()
    return _shown(ctx, row, body)


def _open(
    ctx: Context, session: Session, actor: Actor, draft_id: str, *, lock: bool = False
) -> tuple[GrantDraft, _Body]:
    row = rows.draft(session, draft_id, clock.now_ms(session), lock=lock)
    if row is None or row.presenter_id != actor.self_id:
        raise ApiError("grants.draft_not_found", Kind.NOT_FOUND)
    body = _unsealed(ctx, session, row)
    # Somebody who has begun to act for another, or has stopped, finishes nothing that was begun in the other part.
    if body.mandate_id != actor.mandate_id:
        raise ApiError("grants.draft_not_found", Kind.NOT_FOUND)
    return row, body


def _seal(ctx: Context, session: Session, row: GrantDraft, body: _Body) -> None:
    key = holders.holder_key(session, ctx.vault, row.holder_id)
    row.body_enc = key.seal(Purpose.GRANT_DRAFT, row.id, body.to_bytes(), bound=rows.bound(row))


def _unsealed(ctx: Context, session: Session, row: GrantDraft) -> _Body:
    key = holders.holder_key(session, ctx.vault, row.holder_id)
    return _Body.from_bytes(row.holder_id, key.open(Purpose.GRANT_DRAFT, row.id, row.body_enc, bound=rows.bound(row)))


def _shown(ctx: Context, row: GrantDraft, body: _Body) -> Draft:
    commitment, data = body.commitment(), None
    if commitment is not None and body.key_address is not None:
        terms = body.laid.terms
        begins, ends = int(str(terms["not_before"])), int(str(terms["not_after"]))
        data = typed_data(ctx, GrantMessage(body.key_address, row.terms_digest, commitment, begins, ends))
    return Draft(
        row.id,
        row.request_id,
        cast("Mapping[str, Json]", body.laid.terms),
        row.terms_digest,
        row.custody,
        row.binding_kind,
        data,
        row.expires_at_ms,
    )
