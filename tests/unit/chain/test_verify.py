"""What the golden vectors cannot hold: bundles whose signatures are right and whose statements disagree."""

import hashlib
from dataclasses import replace

import pytest

from chain.bundle import Bundle, RequestEvidence
from chain.checks.case import party_id
from chain.errors import NodeError, RpcReason
from chain.grantmsg import grant_digest, terms_hash
from chain.receipt import ReceiptKind, mark_commitment
from chain.strict import hex0x
from chain.terms import parse_terms
from chain.verdict import State
from chain.verify import verify
from tests.vectors.recorded import RecordedView
from tests.vectors.world import CHAIN_ID, ENTITY_ID, FILE, NOW, World, sign

WORLD = World()


def judge(bundle, change=lambda view: None, **options):
    view = WORLD.view(bundle)
    change(view)
    verdict = verify(bundle, WORLD.trust(), RecordedView(view), now_s=NOW, **options)
    return {f.step: f.code.removeprefix("chain.verify.") for f in verdict.findings if f.state is not State.VALID}


def redelivered(request, mark=None):
    """A delivery that is receipted for `request` and `mark` as they are."""
    mark = mark or WORLD.mark()
    details = replace(WORLD.delivery(WORLD.grant_digest, request, mark), mark=mark_commitment(mark.salt, mark.document))
    receipt, log, _ = WORLD.receipt(dict(details.to_json()))
    return replace(WORLD.bundle(), receipt=receipt, log=log, mark=mark, request=request)


def test_a_bundle_that_claims_nothing_is_not_valid():
    empty = Bundle(CHAIN_ID, WORLD.contracts, ())
    assert judge(empty)[1] == "nothing_claimed"


def receipted(details, **parts):
    receipt, log, _ = WORLD.receipt(details, kind=ReceiptKind.REFUSAL)
    return Bundle(CHAIN_ID, WORLD.contracts, (), receipt=receipt, log=log, **parts)


def test_what_is_not_claimed_is_said_to_be_so():
    bundle = receipted({"reason": "pull.grant_ended"})
    verdict = verify(bundle, WORLD.trust(), RecordedView(WORLD.view(bundle)), now_s=NOW)
    silent = {f.step for f in verdict.findings if f.code == "chain.verify.not_claimed"}
    assert silent == {4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 18, 19}
    assert verdict.state is State.VALID
    alone = Bundle(CHAIN_ID, WORLD.contracts, WORLD.certificates)
    verdict = verify(alone, WORLD.trust(), RecordedView(WORLD.view(alone)), now_s=NOW)
    silent = {f.step for f in verdict.findings if f.code == "chain.verify.not_claimed"}
    assert silent == {*range(9, 23)}


@pytest.mark.parametrize("value", [5, "0x00", ["0x00"], "x"])
def test_details_of_other_kinds_that_name_things_oddly(value):
    assert judge(receipted({"grant": value}, grant=WORLD.grant)) == {17: "details_malformed"}
    assert judge(receipted({"request": value})) == {19: "details_malformed"}
    assert judge(receipted({"file_sha256": value}), file=FILE) == {17: "details_malformed"}
    assert judge(receipted({"entity": value, "grant": None})) == {}


def test_a_log_proof_without_its_receipt():
    bundle = WORLD.bundle()
    alone = Bundle(CHAIN_ID, WORLD.contracts, bundle.certificates, log=bundle.log)
    assert judge(alone) == {15: "log_without_receipt"}


def test_terms_that_name_other_times_than_the_message():
    terms = parse_terms(WORLD.terms() | {"not_after": WORLD.terms()["not_after"] + 1}, "")
    salt = WORLD.grant.terms_salt
    message = replace(WORLD.grant.message, terms=terms_hash(salt, terms.document))
    signature = sign(WORLD.grant_key, grant_digest(message, CHAIN_ID, WORLD.contracts["Grants"]))
    found = judge(WORLD.bundle(grant=replace(WORLD.grant, message=message, signature=signature, terms=terms)))
    assert found == {9: "terms_other_times", 10: "binding_other_terms"}


def test_a_grant_said_to_be_by_the_holders_own_key_needs_its_binding_as_well():
    """Whose key it was is the operator's word; without a binding it could have been anybody's."""
    own = WORLD.make_grant(WORLD.terms() | {"custody": "own_key"})
    bundle = WORLD.bundle(grant=own)
    verdict = verify(bundle, WORLD.trust(), RecordedView(WORLD.view(bundle)), now_s=NOW)
    assert verdict.state is State.VALID
    assert "chain.note.grant_own_key" in {note.code for note in verdict.notes}
    assert judge(WORLD.bundle(grant=replace(own, binding=None))) == {10: "binding_missing"}


def test_a_mark_of_another_copy():
    mark = WORLD.mark()
    other = replace(mark, document=dict(mark.document) | {"copy": "copy_2"})
    assert judge(redelivered(WORLD.request(), other)) == {17: "mark_of_other_copy"}


@pytest.mark.parametrize("last", ['"@signature-params": ("@method");tag="x"', '"@method": POST', ""])
def test_a_signed_request_without_its_parameters(last):
    base = f'"@method": POST\n{last}'
    request = RequestEvidence(base, WORLD.http_key.sign(base.encode()), WORLD.request().key)
    found = judge(redelivered(request))
    assert found == {19: "request_malformed", 20: "request_malformed"}


def test_parameters_count_in_the_last_line_only():
    """A header that looks like parameters, such as an idempotency key, is not taken for them."""
    good = WORLD.request()
    base = good.base.replace("6f2c", '6f2c;created=1;keyid="x"')
    request = RequestEvidence(base, WORLD.http_key.sign(base.encode()), good.key)
    assert judge(redelivered(request)) == {}


def test_a_request_that_names_another_key():
    base = WORLD.request(key=WORLD.forger_key).base
    request = RequestEvidence(base, WORLD.http_key.sign(base.encode()), WORLD.request().key)
    assert judge(redelivered(request)) == {19: "request_other_key"}


def test_the_recipient_must_be_an_admitted_entity():
    entity = hex0x(party_id(ENTITY_ID))
    assert judge(WORLD.bundle(), lambda view: view["party"][entity].update(role=3)) == {19: "recipient_other_role"}
    assert judge(WORLD.bundle(), lambda view: view["admission"].pop(entity)) == {19: "recipient_not_admitted"}


def test_the_file_is_the_one_receipted():
    assert judge(WORLD.bundle(), file=FILE) == {}
    assert judge(WORLD.bundle(), file=FILE[:-1]) == {17: "other_file"}
    assert hashlib.sha256(FILE).digest() == WORLD.delivery(bytes(32), None, WORLD.mark()).file_sha256


@pytest.mark.parametrize("reason", list(RpcReason))
def test_any_failure_of_the_node_is_unknown(reason):
    class Failing(RecordedView):
        def code_hash(self, address):
            raise NodeError(reason)

    bundle = WORLD.bundle()
    verdict = verify(bundle, WORLD.trust(), Failing(WORLD.view(bundle)), now_s=NOW)
    assert verdict.state is State.UNKNOWN
    assert verdict.findings[2].facts == {"reason": reason.value}
