"""Golden vectors of certificates, trust, receipts, the log, deletions, and a node that is silent."""

import json
from dataclasses import replace
from typing import Any

from chain.bundle import Bundle
from chain.grantmsg import GrantStatus
from chain.receipt import ReceiptKind
from chain.strict import hex0x
from tests.vectors.cases import (
    ANCHOR0,
    ANCHOR1,
    APPROVED,
    C0,
    CHAIN_STEPS,
    DELIVERED,
    DEPARTMENT,
    END,
    ENTITY,
    KEY,
    SIGNED,
    SILENT,
    WORLD,
    Change,
    Vector,
    barred_after,
    both,
    case,
    certificates_only,
    changed,
    flip,
    forged_admission,
    grant_receipt,
    grant_record,
    invalid,
    pending,
    put,
    revoked,
)
from tests.vectors.consents import by_guardian
from tests.vectors.deletions import DELETED, statement_bundle
from tests.vectors.world import (
    CHAIN_ID,
    FILE,
    NOW,
    as_json,
    secret,
)


def original() -> Bundle:
    bundle = certificates_only()
    records = as_json(WORLD.bundle())["receipt"]["details"]["records"]
    details = {"format": "application/pdf", "records": records}
    receipt, log, _ = WORLD.receipt(details, kind=ReceiptKind.ORIGINAL)
    return replace(bundle, receipt=receipt, log=log)


def inner_node_as_leaf(vector: Vector) -> None:
    """The proof begins one level higher, as if the certificate were an inner node."""
    certificate = vector.bundle["certificates"][1]
    certificate["proof"] = certificate["proof"][1:]
    certificate["size"] = 150


def good_cases() -> list[Vector]:
    """What must be VALID."""
    return [
        case("valid_delivery", {}),
        case("valid_with_file", {}, lambda v: setattr(v, "file", FILE)),
        case("valid_certificates_alone", {}, bundle=certificates_only()),
        case("valid_original", {}, bundle=original()),
        case("valid_grant_receipt", {}, bundle=grant_receipt()),
        case("valid_on_screen", {}, bundle=WORLD.bundle(on_screen=True)),
        case("valid_by_duty", {}, bundle=WORLD.bundle(grant=WORLD.make_access(), on_screen=True)),
        case("valid_by_duty_of_an_entity", {}, bundle=WORLD.bundle(grant=WORLD.make_access(
            signed=False, entity=WORLD.terms()["entity"]))),
        case("valid_by_guardian", {}, bundle=WORLD.bundle(grant=by_guardian())),
        case("valid_fields_withheld", {}, put(*C0, "disclosed", value={})),
        case("valid_after_pause_and_resume", {}, grant_record(seq=2), changed(
            WORLD.change(GrantStatus.PAUSED, 0), WORLD.change(GrantStatus.ACTIVE, 1))),
        case("valid_after_end_of_grant", {}, lambda v: setattr(v, "now", END + 5)),
        case("valid_issuer_key_retired_later", {}, put(
            "account", hex0x(WORLD.issuer), "until", value=NOW - 9, of="view")),
    ]  # fmt: skip


def certificate_cases() -> list[Vector]:
    """One thing wrong with a certificate or its batch."""
    value, shown = (*C0, "disclosed", "amount_due"), (*C0, "disclosed")
    moved = {17: invalid("certificate_not_in_receipt")}
    return [
        case("value_changed", {4: invalid("value_does_not_open")}, put(*value, "value", value="1200.01")),
        case("value_spelt_otherwise", {}, put(*value, "value", value="1200")),
        case("value_spelt_as_nobody_may", {4: invalid("value_does_not_open")}, put(*value, "value", value="1200.000")),
        case("salt_changed", {4: invalid("value_does_not_open")}, put(*value, "salt", edit=flip)),
        case("field_made_up", {4: invalid("field_not_committed"), 18: invalid("field_outside_grant")}, put(
            *shown, "income", value={"value": "1", "salt": hex0x(secret("made up"))})),
        case("commitment_changed", {5: invalid("leaf_not_in_root")}, put(*C0, "leaf", "fields", "year", edit=flip)),
        case("leaf_type_changed", {5: invalid("leaf_not_in_root"), 18: invalid("field_outside_grant")}, put(
            *C0, "leaf", "type", value="tax_record")),
        case("proof_changed", {5: invalid("leaf_not_in_root")}, put(*C0, "proof", 1, edit=flip)),
        case("proof_shortened", {5: invalid("leaf_not_in_root")}, put(*C0, "proof", edit=lambda p: p[:-1])),
        case("inner_node_as_leaf", {5: invalid("leaf_not_in_root"), 6: invalid("root_other_size")}, inner_node_as_leaf),
        case("wrong_index", {5: invalid("leaf_not_in_root")} | moved, put(*C0, "leaf", "index", value=2)),
        case("wrong_size_that_the_proof_lets_pass", {6: invalid("root_other_size")}, put(*C0, "size", value=6)),
        case("index_beyond_size", {5: invalid("leaf_not_in_root"), 6: invalid("root_other_size")}, put(
            *C0, "size", value=3)),
        case("root_changed", {5: invalid("leaf_not_in_root"), 6: pending("root_not_anchored"),
            8: pending("root_not_anchored")} | moved, put(*C0, "root", edit=flip)),
        case("issuer_changed", {6: pending("root_not_anchored"), 7: invalid("issuer_unknown"),
            8: pending("root_not_anchored")} | moved, put(*C0, "issuer", edit=flip)),
        case("root_not_anchored_yet", {6: pending("root_not_anchored"), 8: pending("root_not_anchored")}, lambda v: (
            v.view["anchor"].pop(ANCHOR1))),
        case("certificate_revoked", {8: revoked("certificate_revoked")}, put(
            "is_revoked", value=[f"{ANCHOR1}/299"], of="view")),
        case("another_certificate_revoked", {}, put("is_revoked", value=[f"{ANCHOR1}/298", f"{ANCHOR0}/4"], of="view")),
        case("department_suspended", {8: revoked("issuer_suspended")}, put(
            "party", DEPARTMENT, "suspended", value=True, of="view")),
    ]  # fmt: skip


def trust_cases() -> list[Vector]:
    """A bundle, a node or a department that brings its own trust."""
    own_keys = WORLD.bundle(log_key=WORLD.forger_key)
    contract = ("contracts", "Grants")
    return [
        case("wrong_chain_id", barred_after(1, "other_chain"), put("chain", "chain_id", value=CHAIN_ID + 1)),
        case("own_contract_address", barred_after(1, "other_contract"), put(
            "chain", *contract, value=hex0x(WORLD.stranger))),
        case("own_contract_code", barred_after(3, "other_code"), put(
            "code_hash", hex0x(WORLD.contracts["Grants"]), edit=flip, of="view")),
        case("node_of_another_chain", barred_after(2, "node_other_chain"), put("chain_id", value=1, of="view")),
        case("forgers_own_chain", barred_after(2, "node_other_genesis"), put("genesis_hash", edit=flip, of="view")),
        case("department_admitted_itself", {7: invalid("issuer_admitted_by_others")}, forged_admission(
            WORLD.stranger, WORLD.issuer)),
        case("department_admitted_by_one_admin_twice", {7: invalid("issuer_admitted_by_others")}, forged_admission(
            WORLD.admins[0], WORLD.admins[0])),
        case("department_admitted_by_a_former_admin", {7: invalid("issuer_admitted_by_others")}, put(
            "registry_admins", value=sorted([hex0x(WORLD.admins[0]), hex0x(WORLD.admins[2])]), of="trust"), None),
        case("department_without_admission", {7: invalid("issuer_not_admitted")}, lambda v: (
            v.view["admission"].pop(DEPARTMENT))),
        case("issuer_is_an_entity", {7: invalid("issuer_other_role")}, put(
            "party", DEPARTMENT, "role", value=2, of="view")),
        case("anchored_by_a_retired_account", {7: invalid("issuer_not_in_office")}, both(
            put("account", hex0x(WORLD.issuer), "until", value=NOW - 9, of="view"),
            put("anchor", ANCHOR0, value=[5, NOW], of="view"))),
        case("bundle_brings_its_own_log_key", {14: invalid("receipt_other_log"), 15: invalid("checkpoint_not_signed"),
            16: invalid("checkpoint_not_signed"), 21: invalid("checkpoint_not_signed")}, bundle=own_keys),
        case("bundle_names_its_own_trust", {}, put("trust", value={"log": "own"})),
        case("key_given_twice", {}, put("certificates", 0, "leaf", "fields", value={})),
    ]  # fmt: skip


def receipt_cases() -> list[Vector]:
    """One thing wrong with the receipt, the log, the mark, the file or the request."""
    leaf, details = ("receipt", "leaf"), ("receipt", "details")
    not_logged = {n: pending("receipt_not_logged") for n in (15, 16, 21)}
    not_there = {16: pending("checkpoint_not_on_chain"), 21: pending("checkpoint_not_on_chain")}
    late = WORLD.request(created=DELIVERED + 301)
    stolen = WORLD.request(key=WORLD.forger_key)
    return [
        case("receipt_leaf_changed", {14: invalid("promise_not_signed"), 15: invalid("receipt_not_in_log")}, put(
            *leaf, "time", value=DELIVERED + 1)),
        case("receipt_number_changed", {14: invalid("promise_not_signed"), 15: invalid("receipt_not_in_log")}, put(
            *leaf, "number", value=5)),
        case("receipt_commitment_changed", {14: invalid("details_do_not_open"), 15: invalid("receipt_not_in_log")}, put(
            *leaf, "commitment", edit=flip)),
        case("receipt_salt_changed", {14: invalid("details_do_not_open")}, put("receipt", "salt", edit=flip)),
        case("receipt_details_changed", {14: invalid("details_do_not_open")}, put(
            *details, "format", value="text/html")),
        case("promise_changed", {14: invalid("promise_not_signed")}, put("receipt", "promise", edit=flip)),
        case("checkpoint_missing", not_logged, put("log", value=None)),
        case("checkpoint_not_on_chain_yet", not_there, both(
            put("checkpoint", value={}, of="view"), put("log_head", value=[4, 1, DELIVERED], of="view"))),
        case("checkpoint_forked", {16: invalid("checkpoint_forked"), 21: pending("checkpoint_not_on_chain")}, put(
            "checkpoint", value={}, of="view")),
        case("checkpoint_signature_changed", {n: invalid("checkpoint_not_signed") for n in (15, 16, 21)}, put(
            "log", "checkpoint", edit=lambda note: note[:-9] + ("A" if note[-9] != "A" else "B") + note[-8:])),
        case("checkpoint_malformed", {n: invalid("checkpoint_malformed") for n in (15, 16, 21)}, put(
            "log", "checkpoint", value="no note")),
        case("log_proof_changed", {15: invalid("receipt_not_in_log")}, put("log", "proof", 0, edit=flip)),
        case("log_restarted", {}, put("log_head", value=[3, 2, NOW], of="view")),
        case("anchored_before_made", {21: invalid("anchored_before_receipt")}, put(
            "checkpoint", edit=lambda known: {k: [v[0], v[1], DELIVERED - 301] for k, v in known.items()}, of="view")),
        case("receipt_in_future", {20: invalid("receipt_in_future")}, lambda v: setattr(v, "now", DELIVERED - 301)),
        case("other_file", {17: invalid("other_file")}, lambda v: setattr(v, "file", FILE + b"\n")),
        case("file_that_nothing_names", {17: invalid("without_receipt")}, lambda v: setattr(v, "file", FILE),
            certificates_only()),
        case("mark_on_another_kind_of_receipt", {17: invalid("receipt_of_other_kind")}, bundle=replace(
            grant_receipt(), mark=WORLD.mark())),
        case("request_on_another_kind_of_receipt", {19: invalid("request_not_receipted")}, bundle=replace(
            grant_receipt(), request=WORLD.request(created=APPROVED))),
        case("certificate_beside_a_receipt_without_records", {17: invalid("details_malformed")}, bundle=replace(
            grant_receipt(), certificates=WORLD.certificates)),
        case("mark_changed", {17: invalid("mark_does_not_open")}, put("mark", "document", "epoch", value="2025-11")),
        case("mark_salt_changed", {17: invalid("mark_does_not_open")}, put("mark", "salt", edit=flip)),
        case("delivery_without_grant", {17: invalid("delivery_without_grant")}, put("grant", value=None)),
        case("certificate_not_delivered", {14: invalid("details_do_not_open"),
            17: invalid("certificate_not_in_receipt")}, put(*details, "records", edit=lambda records: records[:1])),
        case("request_changed", {19: invalid("request_not_receipted")}, put(
            "request", "base", edit=lambda base: base.replace("POST", "GET"))),
        case("request_signature_changed", {19: invalid("request_not_signed")}, put("request", "signature", edit=flip)),
        case("request_missing", {19: invalid("request_missing")}, put("request", value=None)),
        case("request_by_unregistered_key", {19: invalid("request_key_not_registered")}, bundle=(
            WORLD.bundle(request=stolen))),
        case("request_by_another_entitys_key", {19: invalid("request_key_not_registered")}, put(
            "key", KEY, "party", value=DEPARTMENT, of="view")),
        case("request_by_retired_key", {19: invalid("request_key_not_in_use")}, put(
            "key", KEY, "until", value=SIGNED - 301, of="view")),
        case("recipient_admitted_by_others", {19: invalid("recipient_admitted_by_others")}, put(
            "admission", ENTITY, value=[hex0x(WORLD.stranger)] * 2, of="view")),
        case("request_after_delivery", {20: invalid("delivered_before_request")}, bundle=WORLD.bundle(request=late)),
    ]  # fmt: skip


def deletion_cases() -> list[Vector]:
    """What a recipient stated of a copy's end."""

    def stated(name: str, code: str | None = None, change: Change | None = None, **spoilt: Any) -> Vector:
        findings = {} if code is None else {19: invalid(code)}
        return case(f"deletion_{name}", findings, change, statement_bundle(WORLD, **spoilt))

    return [
        stated("valid"),
        stated("retained_valid", act="retained"),
        stated("of_another_copy", "statement_not_signed", path="/v1/copies/copy_2/deletion"),
        stated("signed_as_a_retention", "statement_not_signed", path="/v1/copies/copy_1/retention"),
        stated("by_a_request_that_only_reads", "statement_not_signed", method="GET"),
        stated("with_another_method", "statement_not_signed", said=DELETED | {"method": "shredded"}),
        stated("with_another_statement", "statement_not_signed", stated=json.dumps(DELETED) + " "),
        stated("without_a_request", "request_missing", put("request", value=None)),
    ]


def silence_cases() -> list[Vector]:
    """A node that does not answer is never taken for a wrong bundle."""
    after = dict.fromkeys(CHAIN_STEPS, SILENT)
    wrong = {4: invalid("value_does_not_open")}
    return [
        case("node_silent", after, put("silent", value=["chain_id"], of="view")),
        case("node_silent_midway", {n: SILENT for n in CHAIN_STEPS if n >= 7}, put(
            "silent", value=["account"], of="view")),
        case("node_silent_and_value_changed", after | wrong, both(
            put("silent", value=["chain_id"], of="view"),
            put(*C0, "disclosed", "amount_due", "value", value="1"))),
    ]  # fmt: skip
