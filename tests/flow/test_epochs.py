"""Epochs of marking keys: rotation, copies of older epochs, and what strangers can check of them."""

import copy
import io
from dataclasses import dataclass
from typing import Any

import pytest
from rich.console import Console

from api.demo import flow, leaks
from api.demo.epoch_commands import rotate_epoch, show_epochs
from api.demo.flow_epochs import epoch_evidence, marking_epochs
from api.demo.provision import party_id
from api.services import epochs as key_services
from api.store import read_only
from api.store.fsck import fsck
from api.store.queries.epochs import BEFORE_EPOCHS, key_before_epochs
from api.wiring import TRUST_FILE, log_key
from chain.__main__ import verify_with_node
from chain.bundle import parse_bundle
from chain.canonical import canonical
from chain.trustfile import parse_trust_file
from chain.verdict import State
from tests.api.calls import caller, problem
from tests.town import HARBOUR, Service, until
from watermark.keys import EpochKey

KEY = "a-key-of-one-request"


@dataclass
class Pulled:
    """The same request before and after the epoch turned, and the answer of one that was repeated under its key."""

    grant: str
    before: flow.Envelope
    after: flow.Envelope
    epochs: list[str]


def _repeat(service: Service, grant: str) -> str:
    machine = service.town.machine(HARBOUR)
    return str(machine.pull(grant, "application/pdf", idempotency_key=KEY).headers["copy-id"])


def marked(service: Service) -> list[dict[str, Any]]:
    return marking_epochs(service.town.regulator())


def _uses(service: Service, grant: str) -> int:
    return int(service.rows("SELECT use_count FROM grants WHERE id = :id", id=grant)[0][0])


@pytest.fixture(scope="module")
def pulled(service: Service) -> Pulled:
    grant = service.grant(service.driver())
    before = flow.pull_envelope(service.town, HARBOUR, grant, "pdf")
    assert _repeat(service, grant) == before.copy, "the same request is the same copy"
    first = marked(service)
    said = io.StringIO()
    rotate_epoch(service.settings, Console(file=said))
    until(lambda: len(marked(service)) > len(first) and marked(service)[0]["marks"], "the new epoch has its number")
    after = flow.pull_envelope(service.town, HARBOUR, grant, "pdf")
    newest = marked(service)
    assert newest[0]["id"] in said.getvalue()
    assert [one["id"] for one in newest[1:]] == [one["id"] for one in first]
    return Pulled(grant, before, after, [newest[1]["id"], newest[0]["id"]])


def _traced(service: Service, envelope: flow.Envelope) -> tuple[str, set[str], set[str]]:
    leak = leaks.stripped_pdf(envelope.file)
    (item,) = service.town.regulator().upload("/v1/traces", "leak.pdf", leak)["items"]
    accused = item["report"]["accused"]
    return item["outcome"], {one["entity"] for one in accused}, {one["copy"] for one in accused}


def test_the_same_request_is_another_copy_in_another_epoch(service: Service, pulled: Pulled) -> None:
    assert pulled.before.copy != pulled.after.copy
    assert pulled.before.file != pulled.after.file
    marked = "SELECT mark_document, epoch FROM copies WHERE id = :id"
    found = [service.rows(marked, id=one.copy)[0][1] for one in (pulled.before, pulled.after)]
    assert found == pulled.epochs


def test_a_copy_of_either_epoch_is_traced(service: Service, pulled: Pulled) -> None:
    for envelope in (pulled.before, pulled.after):
        outcome, entities, copies = _traced(service, envelope)
        assert (outcome, entities, copies) == ("identified", {party_id(HARBOUR)}, {envelope.copy})


def test_a_shifted_key_names_no_copy(service: Service, pulled: Pulled, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = key_services.tracing_keys

    def shifted(*given: Any) -> dict[str, EpochKey]:
        keys = sound(*given)
        other = {one: EpochKey(one, bytes(byte ^ 1 for byte in key.secret)) for one, key in keys.items()}
        return keys | {pulled.epochs[0]: other[pulled.epochs[0]]}

    monkeypatch.setattr(key_services, "tracing_keys", shifted)
    outcome, _, copies = _traced(service, pulled.before)
    # By its values alone somebody is left who was given them; the copy itself is not even found.
    assert (outcome, pulled.before.copy in copies) == ("suspect", False)


def test_a_repeat_is_answered_from_its_own_epoch_and_costs_no_use(service: Service, pulled: Pulled) -> None:
    uses = _uses(service, pulled.grant)
    assert _repeat(service, pulled.grant) == pulled.before.copy
    assert _uses(service, pulled.grant) == uses


def test_the_store_holds_and_the_list_is_shown(service: Service, pulled: Pulled) -> None:
    found = marked(service)
    assert [(one["marks"], one["closed_at"] is None) for one in found[:2]] == [(True, True), (False, False)]
    assert found[0]["number"] > found[1]["number"]
    said = io.StringIO()
    show_epochs(service.settings, Console(file=said, width=200))
    assert found[0]["key_sha256"][2:] in said.getvalue()
    report = fsck(service.ctx.db, service.ctx.vault, log_key(service.ctx.keys).public_key().public_bytes_raw())
    assert [one for one in report.findings if one.table in {"epochs", "copies"}] == []
    problem(caller(service, "stranger").http.get("/v1/log/epochs/1999-1/evidence"), 404, "epochs.not_found")


def test_a_copy_from_before_there_were_epochs_is_traced(
    service: Service, pulled: Pulled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its key is the ring's alone. Planted fault: without it, or with another, the check calls the copy foreign."""
    ctx = service.ctx
    with read_only(ctx.db) as session:
        assert BEFORE_EPOCHS not in key_services.tracing_keys(ctx, session)
        assert key_before_epochs(ctx.keys) is None
        assert not list(service.settings.data_dir.glob("keys/watermark-epoch-*")), "looking makes no key"
    old = EpochKey(BEFORE_EPOCHS, ctx.keys.key("watermark-epoch-2026"))
    with monkeypatch.context() as before:
        before.setattr(key_services, "current", lambda *_: old)
        envelope = flow.pull_envelope(service.town, HARBOUR, service.grant(service.driver(1)), "pdf")
    assert service.rows("SELECT epoch FROM copies WHERE id = :id", id=envelope.copy)[0][0] == BEFORE_EPOCHS
    assert _traced(service, envelope) == ("identified", {party_id(HARBOUR)}, {envelope.copy})
    public = log_key(ctx.keys).public_key().public_bytes_raw()
    for key, found in ((key_before_epochs(ctx.keys), []), (None, [envelope.copy]), (EpochKey("2026", bytes(32)), None)):
        report = fsck(ctx.db, ctx.vault, public, before_epochs=key)
        foreign = [one.id for one in report.findings if one.code == "fsck.copy_epoch"]
        assert foreign == ([envelope.copy] if found is None else found)


@pytest.mark.slow
def test_a_copys_evidence_shows_that_its_key_stood_before(service: Service, pulled: Pulled) -> None:
    service.settle()
    trust = parse_trust_file((service.settings.data_dir / TRUST_FILE).read_bytes())
    document = flow.bundle_of(service.town, HARBOUR, pulled.before)
    verdict = verify_with_node(parse_bundle(canonical(document)), trust, service.chain.url, None)
    assert verdict.state is State.VALID, [f.code for f in verdict.findings]
    key = marked(service)[1]["key_sha256"]
    assert [note.facts["key"] for note in verdict.notes if note.code == "chain.note.epoch_opened"] == [key]
    opened = epoch_evidence(service.town.regulator(), pulled.epochs[0])
    assert verify_with_node(parse_bundle(opened), trust, service.chain.url, None).state is State.VALID
    other = copy.deepcopy(document)
    other["mark"]["epoch"] = flow.bundle_of(service.town, HARBOUR, pulled.after)["mark"]["epoch"]
    assert verify_with_node(parse_bundle(canonical(other)), trust, service.chain.url, None).state is State.INVALID
