"""Steps 9 to 13, 18 and 19: the grant, who gave it, whether it stands, and who used it for what."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping

from chain.binding import BY_PROVIDER, PasskeyBinding
from chain.bundle import GrantEvidence
from chain.checks.case import CLOCK_TOLERANCE_S, Case, invalid, not_claimed, party_id, pending
from chain.checks.counter import at_counter, office_of_witness, witness_account
from chain.checks.passkeys import passkey_bound
from chain.errors import FormatError, SignatureError
from chain.grantmsg import (
    SIGNATURE_BYTES,
    GrantStatus,
    authority_digest,
    binding_commitment,
    binding_nonce,
    change_digest,
    check_signer,
    recover,
    terms_hash,
)
from chain.jose import verify_token
from chain.receipt import ReceiptKind
from chain.strict import base64url, hex_bytes
from chain.terms import AUTHORITY, STATUTORY_DUTY
from chain.verdict import Role

_CREATED = re.compile(r";created=([0-9]{1,12})(?:;|$)")
_KEY_ID = re.compile(r';keyid="([^"\\]*)"(?:;|$)')
_PARAMS = '"@signature-params": '
# By what a receipt says was stated: the last segment of the path that takes the statement, and its members.
_STATED = {"deleted": ("deletion", "method", "deleted_at"), "retained": ("retention", "basis", "until")}


def grant_signed(case: Case) -> None:
    """Step 9. The grant was signed by its own key and commits to the terms shown."""
    digest, grant = case.grant_id, case.bundle.grant
    assert grant is not None
    try:
        check_signer(digest, grant.signature, grant.message.key)
    except SignatureError as error:
        raise invalid("grant_not_signed", reason=error.code) from None
    if terms_hash(grant.terms_salt, grant.terms.document) != grant.message.terms:
        raise invalid("terms_do_not_open")
    if (grant.terms.not_before, grant.terms.not_after) != (grant.message.not_before, grant.message.not_after):
        raise invalid("terms_other_times")


def holder_bound(case: Case) -> None:
    """Step 10. The holder's passkey or the provider's token is for these terms, or a department signed them."""
    grant = case.bundle.grant
    if grant is None:
        raise not_claimed()
    if grant.terms.legal_basis == STATUTORY_DUTY:
        if grant.binding is not None:
            _authority_account(grant)
        elif case.bundle.request is None:
            # Nobody agreed: without either signature the operator could have made it up. Step 19 judges the request.
            raise invalid("binding_missing")
        return
    if grant.binding is None:
        # Without it a grant proves nothing of its holder: the operator could have made the key itself, whosever the
        # terms say that it was.
        raise invalid("binding_missing")
    if at_counter(grant):
        witness_account(grant)
        return
    if isinstance(grant.binding, PasskeyBinding):
        passkey_bound(case, grant.binding)
        return
    if grant.binding.kind != BY_PROVIDER:
        raise invalid("binding_of_another_kind")
    if binding_commitment(grant.binding.salt, grant.binding.token) != grant.message.binding:
        raise invalid("binding_does_not_open")
    if _provider_claims(case, grant.binding.token).get("nonce") != binding_nonce(grant.message.terms):
        raise invalid("binding_other_terms")


def _provider_claims(case: Case, token: str) -> Mapping[str, object]:
    """What a token of one of the trusted identity providers says; ends the step where it is nobody's."""
    for provider in case.trust.identity_providers:
        try:
            claims = verify_token(token, provider.key, "/grant/binding/token")
        except (FormatError, SignatureError):
            continue
        if claims.get("iss") == provider.issuer:
            return claims
    raise invalid("binding_not_by_provider")


def _authority_account(grant: GrantEvidence) -> bytes:
    """The account that signed for a statutory access; ends the step where nobody did."""
    binding = grant.binding
    assert binding is not None
    if isinstance(binding, PasskeyBinding) or binding.kind != AUTHORITY:
        raise invalid("binding_of_another_kind")
    if binding_commitment(binding.salt, binding.token) != grant.message.binding:
        raise invalid("binding_does_not_open")
    try:
        signature = hex_bytes(binding.token, SIGNATURE_BYTES, "/grant/binding/token")
        return recover(authority_digest(grant.message.terms), signature)
    except (FormatError, SignatureError):
        raise invalid("authority_not_signed") from None


def _authority_in_office(case: Case, grant: GrantEvidence) -> None:
    """Whether it was signed by an account that was then the recipient's, which is a department or an entity."""
    tenure, party = case.view.account(_authority_account(grant)), party_id(grant.terms.entity_id)
    if tenure is None or tenure.party_id != party:
        raise invalid("authority_other_account")
    record = case.view.party(party)
    entity = record is not None and record.role is Role.ENTITY
    case.require_admitted(party, Role.ENTITY if entity else Role.DEPARTMENT, "authority")
    at = grant.terms.approved_at
    late = tenure.until is not None and at > tenure.until + CLOCK_TOLERANCE_S
    if late or at < tenure.since - CLOCK_TOLERANCE_S:
        raise invalid("authority_not_in_office")


def changes_signed(case: Case) -> None:
    """Step 11. The changes shown were signed by the grant's key, in order."""
    grant, last = case.bundle.grant, -1
    if grant is None or not grant.changes:
        raise not_claimed()
    contract = case.trust.contracts["Grants"].address
    for at, change in enumerate(grant.changes, 1):
        digest = change_digest(case.grant_id, change.status, change.seq, case.trust.chain_id, contract)
        try:
            check_signer(digest, change.signature, grant.message.key)
        except SignatureError as error:
            raise invalid("change_not_signed", change=at, reason=error.code) from None
        if change.seq <= last:
            raise invalid("changes_out_of_order", change=at)
        last = change.seq


def grant_on_chain(case: Case) -> None:
    """Step 12. The grant stands on chain with its key and times; whoever signed for it did so with its own account."""
    digest, grant = case.grant_id, case.bundle.grant
    assert grant is not None
    if grant.terms.legal_basis == STATUTORY_DUTY and grant.binding is not None:
        _authority_in_office(case, grant)
    elif grant.terms.legal_basis != STATUTORY_DUTY and at_counter(grant):
        office_of_witness(case, grant)
    record = case.view.grant(digest)
    if record is None:
        raise pending("grant_not_on_chain")
    message = grant.message
    if (record.key, record.not_before, record.not_after) != (message.key, message.not_before, message.not_after):
        raise invalid("grant_differs_on_chain")


def grant_in_force(case: Case) -> None:
    """Step 13. As of the block asked, the grant is in force."""
    grant = case.bundle.grant
    if grant is None:
        raise not_claimed()
    record = case.view.grant(case.grant_id)
    status = GrantStatus.NONE if record is None else record.status
    for change in grant.changes:
        # A revocation is final wherever it is seen; another change counts until the chain has seen it too.
        if change.status is GrantStatus.REVOKED or record is None or change.seq >= record.seq:
            status = change.status
    if status in {GrantStatus.REVOKED, GrantStatus.ENDED, GrantStatus.PAUSED}:
        raise case.revoked(f"grant_{status.name.lower()}")
    if record is None:
        raise pending("grant_not_on_chain")
    if record.suspended:
        raise case.revoked("grant_suspended")
    if case.now_s >= record.not_after:
        case.note("grant_over", time=record.not_after)


def within_grant(case: Case) -> None:
    """Step 18. The recipient is the one granted, and nothing is disclosed beyond the grant's items."""
    grant = case.bundle.grant
    if grant is None:
        raise not_claimed()
    if case.named_entity not in {None, grant.terms.entity_id}:
        raise invalid("other_recipient")
    for at, certificate in enumerate(case.bundle.certificates, 1):
        if any((certificate.leaf.type_code, name) not in grant.terms.items for name in certificate.disclosed):
            raise invalid("field_outside_grant", certificate=at)


def request_signed(case: Case) -> None:
    """Step 19. The recipient signed the request, with a key registered for it at that time."""
    named, request = case.named_hash("request"), case.bundle.request
    if named is None:
        if request is not None:
            raise invalid("request_not_receipted")
        if case.delivery is not None:
            case.note("read_on_screen")
        raise not_claimed()
    if request is None:
        raise invalid("request_missing")
    base = request.base.encode()
    if hashlib.sha256(base).digest() != named:
        raise invalid("request_not_receipted")
    try:
        request.key.verify(request.signature, base)
    except SignatureError:
        raise invalid("request_not_signed") from None
    if _parameter(request.base, _KEY_ID) != base64url(request.key.thumbprint):
        raise invalid("request_other_key")
    tenure, entity = case.view.key(request.key.thumbprint), party_id(case.named_entity or "")
    if tenure is None or tenure.party_id != entity:
        raise invalid("request_key_not_registered")
    case.require_admitted(entity, Role.ENTITY, "recipient")
    created = created_at(request.base)
    late = tenure.until is not None and created > tenure.until + CLOCK_TOLERANCE_S
    if late or created < tenure.since - CLOCK_TOLERANCE_S:
        raise invalid("request_key_not_in_use")
    _statement_signed(case, request.base)


def _statement_signed(case: Case, base: str) -> None:
    """What a receipt says that the recipient stated of a copy's end is what the signed request said of that copy."""
    receipt = case.bundle.receipt
    if receipt is None or receipt.kind is not ReceiptKind.DELETION:
        return
    details = receipt.details
    members = _STATED.get(str(details.get("act")))
    statement = details.get("statement")
    if members is None or not isinstance(statement, str):
        raise invalid("details_malformed")
    lines = dict(line.split(": ", 1) for line in base.split("\n") if ": " in line)
    digest = base64.b64encode(hashlib.sha256(statement.encode()).digest()).decode()
    path, said = f"/v1/copies/{details.get('copy')}/{members[0]}", _object(statement)
    if (
        lines.get('"@method"') != "POST"
        or not lines.get('"@target-uri"', "").endswith(path)
        or f"sha-256=:{digest}:" not in lines.get('"content-digest"', "")
        or any(said.get(name) != details.get(name) for name in members[1:])
    ):
        raise invalid("statement_not_signed")


def _object(text: str) -> Mapping[str, object]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def created_at(base: str) -> int:
    """When a request was signed, in seconds since 1970; ends the step where its base does not say so."""
    return int(_parameter(base, _CREATED))


def _parameter(base: str, pattern: re.Pattern[str]) -> str:
    """A parameter of the signature, which RFC 9421 section 2.5 puts into the last line of the base."""
    last = base.rsplit("\n", 1)[-1]
    found = pattern.search(last) if last.startswith(_PARAMS) else None
    if found is None:
        raise invalid("request_malformed")
    return found[1]
