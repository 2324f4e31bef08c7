"""Writes the golden vectors beside this file: `python -m tests.vectors.make`.

Each case says beforehand what every step that is not plainly well must answer; the writer refuses to write a vector
whose verdict is another. A test compares the files with what this writes now, and evaluates the files themselves.
"""

import base64
import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from coincurve import PrivateKey

from chain.bundle import Bundle, GrantEvidence, parse_bundle
from chain.errors import FormatError
from chain.grantmsg import GrantStatus, binding_commitment, grant_digest
from chain.receipt import ReceiptKind
from chain.strict import hex0x
from chain.trustfile import parse_trust_file
from chain.verdict import State, Verdict
from chain.verify import verify
from tests.vectors.deletions import DELETED, statement_bundle
from tests.vectors.passkeys import ED25519, PASSKEYS, passkey_bundle
from tests.vectors.recorded import RecordedView
from tests.vectors.world import (
    CHAIN_ID,
    ENTITY_ID,
    FILE,
    NOW,
    TIMES,
    World,
    as_json,
    jwk,
    party_id,
    secret,
    sign,
)

HERE = Path(__file__).parent
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
WORLD = World()
APPROVED, SIGNED, DELIVERED, END = TIMES.approved, TIMES.signed, TIMES.delivered, TIMES.end

Findings = dict[int, tuple[str, str]]


@dataclass
class Vector:
    """A case: what is given, and what each step must find; steps not named are VALID with `ok` or `not_claimed`."""

    name: str
    bundle: dict[str, Any]
    view: dict[str, Any]
    trust: dict[str, Any] = field(default_factory=lambda: json.loads(WORLD.trust().to_bytes()))
    now: int = NOW
    file: bytes | None = None
    findings: Findings = field(default_factory=dict)
    format_error: str | None = None

    def to_json(self) -> dict[str, Any]:
        expected: dict[str, Any] = (
            {"format_error": self.format_error}
            if self.format_error is not None
            else {
                "state": whole(self.findings),
                "findings": {str(step): list(found) for step, found in sorted(self.findings.items())},
            }
        )
        return {
            "name": self.name,
            "bundle": self.bundle,
            "trust": self.trust,
            "view": self.view,
            "now": self.now,
            "file": None if self.file is None else base64.b64encode(self.file).decode(),
            "expected": expected,
        }


def whole(findings: Findings) -> str:
    """The worst state of the expected findings."""
    order = [state.value for state in State]
    return max((state for state, _ in findings.values()), key=order.index, default="VALID")


def evaluate(vector: dict[str, Any]) -> Verdict:
    """Verify what a vector gives, from bytes on."""
    file = None if vector["file"] is None else base64.b64decode(vector["file"])
    trust = parse_trust_file(json.dumps(vector["trust"]).encode())
    bundle = parse_bundle(json.dumps(vector["bundle"], ensure_ascii=False).encode())
    return verify(bundle, trust, RecordedView(vector["view"]), now_s=vector["now"], file=file)


def format_error_of(vector: dict[str, Any]) -> str | None:
    """The code with which a vector's bundle is refused before it is judged."""
    try:
        evaluate(vector)
    except FormatError as error:
        return error.code
    return None


def found_by(verdict: Verdict) -> Findings:
    """The findings that are not plainly well."""
    return {f.step: (f.state.value, f.code) for f in verdict.findings if f.state is not State.VALID}


def check(vector: dict[str, Any]) -> None:
    """Raise AssertionError unless the vector's verdict is the expected one, in state and in every step."""
    expected = vector["expected"]
    if "format_error" in expected:
        assert format_error_of(vector) == expected["format_error"]
        return
    verdict = evaluate(vector)
    wanted = {int(step): tuple(found) for step, found in expected["findings"].items()}
    assert found_by(verdict) == wanted, found_by(verdict)
    assert verdict.state == expected["state"]


# How cases are written.


def invalid(code: str) -> tuple[str, str]:
    return "INVALID", f"chain.verify.{code}"


def revoked(code: str) -> tuple[str, str]:
    return "REVOKED", f"chain.verify.{code}"


def pending(code: str) -> tuple[str, str]:
    return "PENDING", f"chain.verify.{code}"


CHAIN_STEPS = (2, 3, 6, 7, 8, 12, 13, 16, 19, 21)
SILENT = ("UNKNOWN", "chain.verify.node_silent")


def barred_after(step: int, code: str) -> Findings:
    """Steps that are not run once an identity step has failed."""
    return {step: invalid(code)} | {n: invalid("chain_not_trusted") for n in CHAIN_STEPS if n > step}


def flip(text: str, at: int = -1) -> str:
    """The text with one hexadecimal digit changed."""
    at %= len(text)
    return text[:at] + ("1" if text[at] != "1" else "2") + text[at + 1 :]


Change = Callable[[Vector], None]


def case(name: str, findings: Findings, change: Change | None = None, bundle: Bundle | None = None) -> Vector:
    """A vector from a good delivery, or from `bundle`, on a chain that knows all of it; then changed."""
    start = bundle or WORLD.bundle()
    vector = Vector(name, as_json(start), WORLD.view(start), findings=findings)
    if change is not None:
        change(vector)
    return vector


def put(*path: str | int, value: Any = None, edit: Callable[[Any], Any] | None = None, of: str = "bundle") -> Change:
    """Set, or edit, one place in the bundle, the view or the trust file."""

    def change(vector: Vector) -> None:
        at = getattr(vector, of)
        for name in path[:-1]:
            at = at[name]
        at[path[-1]] = edit(at[path[-1]]) if edit is not None else value

    return change


def both(*changes: Change) -> Change:
    def change(vector: Vector) -> None:
        for one in changes:
            one(vector)

    return change


def high_s(signature: str) -> str:
    """The mirrored twin of a signature: as valid to a lenient verifier."""
    raw = bytes.fromhex(signature[2:])
    s = ORDER - int.from_bytes(raw[32:64], "big")
    return hex0x(raw[:32] + s.to_bytes(32, "big") + bytes([55 - raw[64]]))


def certificates_only() -> Bundle:
    bundle = WORLD.bundle()
    return Bundle(bundle.chain_id, bundle.contracts, bundle.certificates)


def original() -> Bundle:
    bundle = certificates_only()
    records = as_json(WORLD.bundle())["receipt"]["details"]["records"]
    details = {"format": "application/pdf", "records": records}
    receipt, log, _ = WORLD.receipt(details, kind=ReceiptKind.ORIGINAL)
    return replace(bundle, receipt=receipt, log=log)


def grant_receipt() -> Bundle:
    """Evidence of the grant itself: its own receipt, no certificate."""
    bundle = WORLD.bundle()
    details = {"grant": hex0x(WORLD.grant_digest), "terms": hex0x(WORLD.grant.message.terms), "entity": ENTITY_ID}
    receipt, log, _ = WORLD.receipt(details, kind=ReceiptKind.GRANT, time_s=APPROVED)
    return Bundle(bundle.chain_id, bundle.contracts, (), WORLD.grant, receipt, None, log, None)


def by_guardian() -> GrantEvidence:
    """A grant that a guardian made for a child."""
    authority = {"kind": "guardian", "mandate": "pairwise-m", "evidence": hex0x(secret("mandate"))}
    return WORLD.make_grant(WORLD.terms() | {"relation": "guardian", "authority": authority})


def inner_node_as_leaf(vector: Vector) -> None:
    """The proof begins one level higher, as if the certificate were an inner node."""
    certificate = vector.bundle["certificates"][1]
    certificate["proof"] = certificate["proof"][1:]
    certificate["size"] = 150


def forged_admission(*admins: bytes) -> Change:
    department = hex0x(party_id("party_dept"))
    return put("admission", department, value=[hex0x(admin) for admin in admins], of="view")


def grant_record(**changes: Any) -> Change:
    return put("grant", hex0x(WORLD.grant_digest), edit=lambda record: record | changes, of="view")


def with_terms(**changes: Any) -> Bundle:
    return WORLD.bundle(grant=WORLD.make_grant(WORLD.terms() | changes))


def outside_terms() -> Bundle:
    return with_terms(items=[item for item in WORLD.terms()["items"] if item["field"] != "amount_due"])


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
        case("duty_of_no_department", {7: invalid("issuer_other_role"), 12: invalid("authority_other_role")}, put(
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


def changed(*changes: Any) -> Bundle:
    return WORLD.bundle(grant=replace(WORLD.grant, changes=changes))


C0 = ("certificates", 0)
KEY = hex0x(jwk(WORLD.http_key).thumbprint)
DEPARTMENT = hex0x(party_id("party_dept"))
ENTITY = hex0x(party_id(ENTITY_ID))
ANCHOR0 = f"{hex0x(WORLD.issuer)}/{hex0x(WORLD.certificates[0].root)}"
ANCHOR1 = f"{hex0x(WORLD.issuer)}/{hex0x(WORLD.certificates[1].root)}"
OTHER_IDP = WORLD.bundle(grant=WORLD.make_grant(idp=WORLD.forger_key))


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


def all_vectors() -> list[Vector]:
    """Every case, with the format errors of those that are not even read."""
    vectors = [
        vector
        for group in (
            good_cases,
            certificate_cases,
            trust_cases,
            grant_cases,
            passkey_cases,
            receipt_cases,
            deletion_cases,
            silence_cases,
        )
        for vector in group()
    ]
    for vector in vectors:
        if vector.name == "bundle_names_its_own_trust":
            vector.format_error = "chain.format.unknown_key"
        if vector.name == "key_given_twice":
            vector.name, vector.format_error = "certificate_without_fields", "chain.format.length"
        if vector.name == "department_admitted_by_a_former_admin":
            # The recipient was admitted by the same two.
            vector.findings[19] = invalid("recipient_admitted_by_others")
    return vectors


def write(vector: Vector) -> str:
    """The file's text: one line a member, and the same on every run."""
    lines = (
        f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False, separators=(',', ':'), sort_keys=True)}"
        for name, value in sorted(vector.to_json().items())
    )
    return "{" + ",\n ".join(lines) + "}\n"


def main() -> None:
    """Write every vector, after checking that its verdict is the expected one."""
    for old in HERE.glob("*.json"):
        old.unlink()
    for vector in all_vectors():
        try:
            check(vector.to_json())
        except AssertionError as error:
            raise SystemExit(f"{vector.name}: {error}") from error
        (HERE / f"{vector.name}.json").write_text(write(vector), "utf-8")


if __name__ == "__main__":
    main()
