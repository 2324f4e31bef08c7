"""Golden vectors of grants: by token, passkey, guardian, counter and statutory duty, right and wrong."""

import copy
from dataclasses import replace
from typing import Any

from coincurve import PrivateKey

from chain.bundle import Bundle, GrantEvidence
from chain.grantmsg import GrantStatus, binding_commitment, grant_digest
from chain.strict import hex0x
from tests.vectors.cases import (
    APPROVED,
    DELIVERED,
    DEPARTMENT,
    END,
    WORLD,
    Change,
    Vector,
    case,
    changed,
    flip,
    forged_admission,
    grant_record,
    high_s,
    invalid,
    pending,
    put,
    revoked,
    with_terms,
)
from tests.vectors.passkeys import ED25519, PASSKEYS, passkey_bundle
from tests.vectors.world import (
    CHAIN_ID,
    ENTITY_ID,
    NOW,
    jwk,
    secret,
    sign,
)

OTHER_IDP = WORLD.bundle(grant=WORLD.make_grant(idp=WORLD.forger_key))


def by_guardian() -> GrantEvidence:
    """A grant that a guardian made for a child."""
    authority = {"kind": "guardian", "mandate": "pairwise-m", "evidence": hex0x(secret("mandate"))}
    return WORLD.make_grant(WORLD.terms() | {"relation": "guardian", "authority": authority})


def outside_terms() -> Bundle:
    return with_terms(items=[item for item in WORLD.terms()["items"] if item["field"] != "amount_due"])


def unsigned_access() -> Bundle:
    """An access whose binding opens to something that is no signature."""
    made = WORLD.make_access()
    assert made.binding is not None
    binding = replace(made.binding, token="0x" + "00" * 65)
    message = replace(made.message, binding=binding_commitment(binding.salt, binding.token))
    digest = grant_digest(message, CHAIN_ID, WORLD.contracts["Grants"])
    return WORLD.bundle(
        grant=replace(made, message=message, binding=binding, signature=sign(WORLD.grant_key, digest)), on_screen=True
    )


def duty_cases() -> list[Vector]:
    """Accesses by statutory duty for which nobody, or somebody else, answers."""
    access = WORLD.bundle(grant=WORLD.make_access(), on_screen=True)
    other = WORLD.bundle(grant=WORLD.make_access(signer=PrivateKey(secret("stranger's key"))), on_screen=True)
    account = hex0x(WORLD.issuer)
    return [
        case("duty_without_signature", {10: invalid("binding_missing")}, bundle=WORLD.bundle(
            grant=WORLD.make_access(signed=False), on_screen=True)),
        case("duty_with_a_token", {10: invalid("binding_of_another_kind"), 12: invalid("binding_of_another_kind")}, put(
            "grant", "binding", "kind", value="idp_token"), access),
        case("duty_not_signed", {10: invalid("binding_does_not_open"), 12: invalid("binding_does_not_open")}, put(
            "grant", "binding", "token", value="0x00"), access),
        case("duty_signed_with_nothing", {10: invalid("authority_not_signed"), 12: invalid("authority_not_signed")},
            bundle=unsigned_access()),
        case("duty_by_another_account", {12: invalid("authority_other_account")}, bundle=other),
        case("duty_of_neither_department_nor_entity", {7: invalid("issuer_other_role"),
            12: invalid("authority_other_role")}, put("party", DEPARTMENT, "role", value=3, of="view"), access),
        case("duty_signed_by_an_entity", {7: invalid("issuer_other_role")}, put(
            "party", DEPARTMENT, "role", value=2, of="view"), access),
        case("duty_of_a_stranger", {7: invalid("issuer_not_admitted"), 12: invalid("authority_not_admitted")},
            lambda v: v.view["admission"].pop(DEPARTMENT), access),
        case("duty_admitted_by_others",
            {7: invalid("issuer_admitted_by_others"), 12: invalid("authority_admitted_by_others")},
            forged_admission(WORLD.stranger, WORLD.issuer), access),
        case("duty_out_of_office", {7: invalid("issuer_not_in_office"), 12: invalid("authority_not_in_office")}, put(
            "account", account, "since", value=NOW, of="view"), access),
    ]  # fmt: skip


def counter_cases() -> list[Vector]:
    """Grants given at a counter for which nobody, or somebody else, answers."""
    visit = WORLD.bundle(grant=WORLD.make_visit())
    nothing = WORLD.bundle(grant=WORLD.make_visit(nothing=True))
    stranger = WORLD.bundle(grant=WORLD.make_visit(signer=PrivateKey(secret("stranger's key"))))
    by_itself = WORLD.bundle(grant=WORLD.make_visit(relation="self", authority=None))
    account, kinds = hex0x(WORLD.issuer), invalid("binding_of_another_kind")
    return [
        case("valid_at_counter", {}, bundle=visit),
        case("counter_not_signed", {10: invalid("counter_not_signed"), 12: invalid("counter_not_signed")},
            bundle=nothing),
        case("counter_token_changed", {10: invalid("binding_does_not_open"), 12: invalid("binding_does_not_open")}, put(
            "grant", "binding", "token", edit=lambda token: flip(token, 9)), visit),
        case("counter_binding_for_no_counter", {10: kinds, 12: kinds}, bundle=by_itself),
        case("counter_without_its_signature", {10: kinds, 12: kinds}, bundle=WORLD.bundle(
            grant=WORLD.make_visit(kind="idp_token"))),
        case("counter_by_another_account", {12: invalid("counter_other_account")}, bundle=stranger),
        case("counter_of_another_office", {12: invalid("counter_other_account")}, put(
            "grant", "binding", "office", value=ENTITY_ID), visit),
        case("counter_of_no_department", {7: invalid("issuer_other_role"), 12: invalid("counter_other_role")}, put(
            "party", DEPARTMENT, "role", value=2, of="view"), visit),
        case("counter_of_a_stranger", {7: invalid("issuer_not_admitted"), 12: invalid("counter_not_admitted")},
            lambda v: v.view["admission"].pop(DEPARTMENT), visit),
        case("counter_admitted_by_others",
            {7: invalid("issuer_admitted_by_others"), 12: invalid("counter_admitted_by_others")},
            forged_admission(WORLD.stranger, WORLD.issuer), visit),
        case("counter_out_of_office", {7: invalid("issuer_not_in_office"), 12: invalid("counter_not_in_office")}, put(
            "account", account, "since", value=NOW, of="view"), visit),
    ]  # fmt: skip


def passkey_cases() -> list[Vector]:
    """Grants that a passkey binds."""

    def passkey(name: str, code: str | None = None, change: Change | None = None, **spoilt: Any) -> Vector:
        vector = case(
            f"passkey_{name}", {} if code is None else {10: invalid(code)}, None, passkey_bundle(WORLD, **spoilt)
        )
        vector.trust["passkeys"] = copy.deepcopy(PASSKEYS)
        if change is not None:
            change(vector)
        return vector

    binding = ("grant", "binding")
    return [
        passkey("valid"),
        passkey("valid_ed25519", key=ED25519),
        passkey("valid_own_key", custody="own_key"),
        passkey("valid_before_frames_were_told", framed=None),
        passkey("for_other_terms", "binding_other_terms", challenge=secret("other terms")),
        passkey("of_another_ceremony", "passkey_other_ceremony", kind="webauthn.create"),
        passkey("of_another_origin", "passkey_other_origin", origin="https://my.example.evil.example"),
        passkey("in_a_frame", "passkey_other_origin", framed=True),
        passkey("of_another_party", "passkey_other_party", rp_id="evil.example"),
        passkey("nobody_present", "passkey_nobody_present", flags=4),
        passkey("nobody_verified", "passkey_nobody_verified", flags=1),
        passkey("by_another_key", "passkey_not_signed", signer=ED25519),
        passkey("client_data_malformed", "passkey_malformed", client=b"{"),
        passkey("client_data_said_twice", "passkey_malformed", client=b'{"type":"webauthn.get","type":"webauthn.get"}'),
        passkey("client_data_no_object", "passkey_malformed", client=b"[]"),
        passkey("flipped_byte", "binding_does_not_open", put(
            *binding, "signature", edit=lambda s: ("A" if s[0] != "A" else "B") + s[1:])),
        passkey("exchanged_key", "binding_does_not_open", put(
            *binding, "key", value=jwk(WORLD.forger_key).to_json())),
        passkey("not_in_the_trust_file", "passkey_other_party", put(
            "passkeys", 0, "rp_id", value="other.example", of="trust")),
        passkey("registration_of_another_key", "registration_other_key", registration={"credential": "0x" + "00" * 32}),
        passkey("registration_removed", "registration_other_key", registration={"event": "removed"}),
        passkey("registration_of_another_log", "registration_other_log", put(
            *binding, "registration", "leaf", "log", value="mydata/log/0000000000000000")),
        passkey("registration_salt_changed", "registration_does_not_open", put(
            *binding, "registration", "salt", edit=flip)),
        passkey("registration_not_promised", "registration_not_promised", put(
            *binding, "registration", "promise", edit=flip)),
        passkey("registration_not_logged", "registration_not_in_log", logged=False),
        passkey("registered_after_the_delivery", "registration_too_late", number=5),
        passkey("registered_after_the_consent", "registration_too_late", registered_at=APPROVED + 301),
    ]  # fmt: skip


def grant_cases() -> list[Vector]:
    """One thing wrong with the grant, its holder, its changes or its use."""
    revoke = WORLD.change(GrantStatus.REVOKED, 0)
    pause = WORLD.change(GrantStatus.PAUSED, 0)
    stranger = PrivateKey(secret("stranger"))
    return [
        case("grant_signature_changed", {9: invalid("grant_not_signed")}, put(
            "grant", "signature", edit=lambda s: flip(s, 9))),
        case("grant_signature_high_s", {9: invalid("grant_not_signed")}, put("grant", "signature", edit=high_s)),
        case("grant_signature_odd_v", {9: invalid("grant_not_signed")}, put(
            "grant", "signature", edit=lambda s: s[:-2] + "00")),
        case("terms_changed", {9: invalid("terms_do_not_open")}, put("grant", "terms", "max_uses", value=100)),
        case("terms_salt_changed", {9: invalid("terms_do_not_open")}, put("grant", "terms_salt", edit=flip)),
        case("grant_widened", {9: invalid("grant_not_signed"), 12: pending("grant_not_on_chain"),
            13: pending("grant_not_on_chain"), 17: invalid("receipt_other_grant")}, put(
            "grant", "message", "notAfter", value=END + 1)),
        case("binding_missing", {10: invalid("binding_missing")}, put("grant", "binding", value=None)),
        case("binding_of_another_kind", {10: invalid("binding_of_another_kind")}, put(
            "grant", "binding", "kind", value="authority")),
        *duty_cases(),
        *counter_cases(),
        case("binding_salt_changed", {10: invalid("binding_does_not_open")}, put(
            "grant", "binding", "salt", edit=flip)),
        case("binding_by_another_provider", {10: invalid("binding_not_by_provider")}, bundle=OTHER_IDP),
        case("binding_with_another_issuer", {10: invalid("binding_not_by_provider")}, bundle=WORLD.bundle(
            grant=WORLD.make_grant(issuer="https://other.test"))),
        case("binding_for_other_terms", {10: invalid("binding_other_terms")}, bundle=WORLD.bundle(
            grant=WORLD.make_grant(nonce="00" * 32))),
        case("grant_revoked_in_bundle", {13: revoked("grant_revoked")}, bundle=changed(revoke)),
        case("grant_revoked_on_chain", {13: revoked("grant_revoked")}, grant_record(status=3)),
        case("grant_ended_on_chain", {13: revoked("grant_ended")}, grant_record(status=4)),
        case("grant_paused_on_chain", {13: revoked("grant_paused")}, grant_record(status=2, seq=1)),
        case("grant_paused_in_bundle", {13: revoked("grant_paused")}, bundle=changed(pause)),
        case("grant_suspended", {13: revoked("grant_suspended")}, grant_record(suspended=True)),
        case("grant_not_on_chain_yet", {12: pending("grant_not_on_chain"), 13: pending("grant_not_on_chain")}, put(
            "grant", value={}, of="view")),
        case("grant_differs_on_chain", {12: invalid("grant_differs_on_chain")}, grant_record(not_after=END + 1)),
        case("change_by_another_key", {11: invalid("change_not_signed"), 13: revoked("grant_revoked")}, bundle=changed(
            WORLD.change(GrantStatus.REVOKED, 0, stranger))),
        case("changes_out_of_order", {11: invalid("changes_out_of_order"), 13: revoked("grant_paused")}, bundle=changed(
            WORLD.change(GrantStatus.ACTIVE, 1), pause)),
        case("field_outside_grant", {18: invalid("field_outside_grant")}, bundle=outside_terms()),
        case("granted_to_another", {18: invalid("other_recipient")}, bundle=with_terms(
            entity={"id": "party_bank", "uscc": None, "name": "示例银行"})),
        case("approved_before_asked", {20: invalid("approved_before_request")}, bundle=with_terms(
            requested_at=APPROVED + 1)),
        case("delivered_after_end", {20: invalid("delivered_outside_grant")}, bundle=with_terms(not_after=DELIVERED)),
        case("delivered_before_approval", {20: invalid("delivered_before_approval")}, bundle=with_terms(
            approved_at=DELIVERED + 1)),
    ]  # fmt: skip
