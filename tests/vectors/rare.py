"""Golden vectors of what hardly anybody tries, and of what stands in no other: each is the only one for its code.

`tests/unit/chain/test_vector_faults.py` takes every refusal out of the verifier, one at a time; these are there so that
each time a vector turns red.
"""

from dataclasses import replace
from typing import Any

from chain.bundle import Bundle, Custody, GrantEvidence, RequestEvidence
from chain.grantmsg import GrantStatus, binding_commitment, grant_digest
from chain.receipt import ReceiptKind, mark_commitment
from chain.strict import hex0x
from tests.vectors.cases import (
    APPROVED,
    C0,
    ENTITY,
    SILENT,
    WORLD,
    Vector,
    barred_after,
    both,
    case,
    certificates_only,
    changed,
    flip,
    grant_receipt,
    grant_record,
    high_s,
    invalid,
    pending,
    put,
    revoked,
)
from tests.vectors.deletions import statement_bundle
from tests.vectors.world import CHAIN_ID, as_json, jwk, secret, sign

ERASED: dict[str, Any] = {
    "act": "erased",
    "erasure": "eras_1",
    "holder": "hold_1",
    "by": "self",
    "at": APPROVED,
    "tombstones": {"records": {"count": 2, "sha256": hex0x(secret("tombstones"))}},
    "retained": [{"key": "keep_1", "basis": "insurance_records", "until": APPROVED + 86_400}],
}


def signed_again(grant: GrantEvidence, **message: Any) -> GrantEvidence:
    """The grant with something else in its message, signed by its own key."""
    other = replace(grant.message, **message)
    digest = grant_digest(other, CHAIN_ID, WORLD.contracts["Grants"])
    return replace(grant, message=other, signature=sign(WORLD.grant_key, digest))


def mirrored(grant: GrantEvidence) -> GrantEvidence:
    """A grant whose department signed with a high s, committed to and signed as if that were well."""
    assert grant.binding is not None
    binding = replace(grant.binding, token=high_s(grant.binding.token))
    return signed_again(replace(grant, binding=binding), binding=binding_commitment(binding.salt, binding.token))


def requested(base: str, key: Any = None) -> Bundle:
    """A delivery whose request has this base, signed by `key`."""
    signer = key or WORLD.http_key
    return WORLD.bundle(request=RequestEvidence(base, signer.sign(base.encode()), jwk(signer)))


def other_mark() -> Bundle:
    """A mark of another copy, to which the receipt commits all the same."""
    bundle, mark = WORLD.bundle(), WORLD.mark()
    mark = replace(mark, document=mark.document | {"copy": "copy_2"})
    details = as_json(bundle)["receipt"]["details"] | {"mark": hex0x(mark_commitment(mark.salt, mark.document))}
    receipt, log, _ = WORLD.receipt(details)
    return replace(bundle, mark=mark, receipt=receipt, log=log)


def statement_that_says_nothing() -> Bundle:
    """A receipt of a deletion with an act that nobody knows."""
    bundle = statement_bundle(WORLD)
    receipt, log, _ = WORLD.receipt(
        as_json(bundle)["receipt"]["details"] | {"act": "forgotten"}, kind=ReceiptKind.DELETION
    )
    return replace(bundle, receipt=receipt, log=log)


def only_receipt(details: dict[str, Any], kind: ReceiptKind, bundle: Bundle | None = None) -> Bundle:
    """Evidence of one entry of the log, beside what `bundle` holds."""
    receipt, log, _ = WORLD.receipt(details, kind=kind)
    start = bundle or Bundle(CHAIN_ID, WORLD.contracts, ())
    return replace(start, receipt=receipt, log=log)


def rare_cases() -> list[Vector]:
    """What no other vector has."""
    base = WORLD.request().base
    named = f'keyid="{base.split(chr(34) + ";alg")[0].rsplit(chr(34), 1)[-1]}";'
    assert named in base
    visit, access = WORLD.make_visit(), WORLD.make_access()
    loose = only_receipt({"grant": "0x12"}, ReceiptKind.GRANT, grant_receipt())
    unlogged = {n: pending("receipt_not_logged") for n in (15, 16, 21)}
    return [
        case("claims_nothing", barred_after(1, "nothing_claimed"), bundle=Bundle(CHAIN_ID, WORLD.contracts, ())),
        case("terms_with_other_times", {9: invalid("terms_other_times")}, bundle=WORLD.bundle(
            grant=signed_again(WORLD.grant, not_after=WORLD.grant.message.not_after + 86_400))),
        case("log_without_a_receipt", {15: invalid("log_without_receipt")}, bundle=replace(
            certificates_only(), log=WORLD.bundle().log)),
        case("mark_of_another_copy", {17: invalid("mark_of_other_copy")}, bundle=other_mark()),
        case("request_that_names_another_key", {19: invalid("request_other_key")}, bundle=requested(
            base, WORLD.forger_key)),
        case("request_without_a_key", {19: invalid("request_malformed")}, bundle=requested(base.replace(named, ""))),
        case("receipt_whose_grant_is_no_hash", {17: invalid("details_malformed")}, bundle=loose),
        case("deletion_that_says_nothing", {19: invalid("details_malformed")}, bundle=statement_that_says_nothing()),
        case("change_signature_high_s", {11: invalid("change_not_signed"), 13: revoked("grant_paused")}, both(
            grant_record(seq=1, status=int(GrantStatus.PAUSED)),
            put("grant", "changes", 0, "signature", edit=high_s)), changed(WORLD.change(GrantStatus.PAUSED, 0))),
        case("counter_signature_high_s", {10: invalid("counter_not_signed"), 12: invalid("counter_not_signed")},
            bundle=WORLD.bundle(grant=mirrored(visit))),
        case("duty_signature_high_s", {10: invalid("authority_not_signed"), 12: invalid("authority_not_signed")},
            bundle=WORLD.bundle(grant=mirrored(access), on_screen=True)),
        case("valid_sealed_by_a_signer", {}, put(*C0, "custody", value=Custody.SIGNER.value)),
        case("valid_sealed_by_an_agent", {}, put(*C0, "custody", value=Custody.AGENT.value)),
        case("valid_erasure", {}, bundle=only_receipt(ERASED, ReceiptKind.ERASURE)),
        case("erasure_changed", {14: invalid("details_do_not_open")}, put(
            "receipt", "details", "tombstones", "records", "count", value=1),
            only_receipt(ERASED, ReceiptKind.ERASURE)),
        case("erasure_not_logged_yet", unlogged, put("log", value=None), only_receipt(ERASED, ReceiptKind.ERASURE)),
        case("retention_is_over", {}, bundle=only_receipt({"act": "retention_over", "key": "keep_1", "holder": "hold_1",
            "basis": "insurance_records", "at": APPROVED}, ReceiptKind.ERASURE)),
        case("node_silent_about_revocations", dict.fromkeys((8, 12, 13, 16, 19, 21), SILENT), put(
            "silent", value=["is_revoked"], of="view")),
        case("node_silent_about_the_grant", dict.fromkeys((12, 13, 16, 19, 21), SILENT), put(
            "silent", value=["grant"], of="view")),
        case("node_silent_about_the_log", dict.fromkeys((16, 19, 21), SILENT), put(
            "silent", value=["log_head"], of="view")),
        case("batch_of_another_issuer_revoked", {}, put(
            "is_revoked", value=[f"{hex0x(WORLD.stranger)}/{hex0x(WORLD.certificates[1].root)}/299"], of="view")),
        case("recipient_of_another_role", {19: invalid("recipient_other_role")}, put(
            "party", ENTITY, "role", value=3, of="view")),
        case("recipient_without_admission", {19: invalid("recipient_not_admitted")}, lambda v: (
            v.view["admission"].pop(ENTITY))),
        case("entity_of_another_name", {14: invalid("details_do_not_open"), 17: invalid("mark_of_other_copy"),
            18: invalid("other_recipient"), 19: invalid("request_key_not_registered")}, put(
            "receipt", "details", "entity", edit=flip)),
    ]  # fmt: skip
