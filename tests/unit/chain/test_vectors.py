"""The golden vectors, and every single byte of a valid bundle."""

import base64
import inspect
import json
import re
from pathlib import Path

import pytest

import chain.checks
from chain import verify as verifier
from chain.bundle import parse_bundle
from chain.checks import certificates, chains, grants, receipts
from chain.errors import FormatError
from chain.texts import LANGUAGES, load_texts, text
from chain.trustfile import parse_trust_file
from chain.verdict import EXIT_CODES, Aspect, State
from chain.verify import STEPS, verify
from tests.vectors.cases import check, evaluate, found_by
from tests.vectors.make import all_vectors, write
from tests.vectors.recorded import RecordedView
from tests.vectors.world import NOW, World

VECTORS = sorted((Path(__file__).parents[2] / "vectors").glob("*.json"))
CHECKS_DIR = Path(chain.checks.__file__).parent


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_vector(path):
    check(json.loads(path.read_text("utf-8")))


def test_vectors_are_those_that_the_generator_writes():
    expected = {f"{vector.name}.json": write(vector) for vector in all_vectors()}
    assert {path.name: path.read_text("utf-8") for path in VECTORS} == expected


def test_a_vector_whose_verdict_changed_is_noticed():
    vector = json.loads(next(path for path in VECTORS if path.stem == "value_changed").read_text("utf-8"))
    vector["bundle"]["certificates"][0]["disclosed"]["amount_due"]["value"] = "1200.00"
    with pytest.raises(AssertionError):
        check(vector)


def flips(raw, view, trust, positions, masks=(0x01, 0x20)):
    """The positions at which a changed byte leaves the bundle VALID; 0x20 turns the case of letters."""
    passed = []
    for position in positions:
        for mask in masks:
            changed = raw[:position] + bytes([raw[position] ^ mask]) + raw[position + 1 :]
            try:
                bundle = parse_bundle(changed)
            except FormatError:
                continue
            if verify(bundle, trust, view, now_s=NOW).state is State.VALID:
                passed.append((position, raw[max(0, position - 20) : position + 20]))
    return passed


def world_of(bundle):
    world = World()
    return bundle.to_bytes(), RecordedView(world.view(bundle)), parse_trust_file(world.trust().to_bytes())


def test_no_changed_byte_of_a_bundle_stays_valid():
    """Every 7th byte in two ways; the slow test beside it takes them all."""
    raw, view, trust = world_of(World().bundle())
    assert verify(parse_bundle(raw), trust, view, now_s=NOW).state is State.VALID
    assert flips(raw, view, trust, range(len(raw) % 7, len(raw), 7)) == []


@pytest.mark.slow
def test_no_changed_byte_of_a_bundle_stays_valid_exhaustively():
    raw, view, trust = world_of(World().bundle())
    assert flips(raw, view, trust, range(len(raw)), masks=(0x01,)) == []


def test_the_flip_test_can_fail():
    """A change in what a bundle leaves open (space between members) does stay valid, and is reported."""
    raw, view, trust = world_of(World().bundle())
    spaced = raw.replace(b'"certificates":', b'"certificates":\t')
    position = spaced.index(b"\t")
    assert flips(spaced, view, trust, [position]) == []  # 0x09 ^ 0x01 and ^ 0x20 are no JSON space
    assert verify(parse_bundle(spaced), trust, view, now_s=NOW).state is State.VALID
    broken = json.loads(raw)
    broken["certificates"][0]["disclosed"] = {}
    left = json.dumps(broken, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
    assert flips(left, view, trust, range(0, len(left), 101)) == []


def test_a_forged_chain_is_not_asked():
    vector = next(vector for vector in all_vectors() if vector.name == "forgers_own_chain").to_json()
    view = RecordedView(vector["view"])
    bundle = parse_bundle(json.dumps(vector["bundle"]).encode())
    trust = parse_trust_file(json.dumps(vector["trust"]).encode())
    assert verify(bundle, trust, view, now_s=NOW).state is State.INVALID
    assert set(view.asked) <= {"chain_id", "genesis_hash"}


def test_a_silent_node_is_asked_once():
    vector = next(vector for vector in all_vectors() if vector.name == "node_silent").to_json()
    view = RecordedView(vector["view"])
    bundle = parse_bundle(json.dumps(vector["bundle"]).encode())
    trust = parse_trust_file(json.dumps(vector["trust"]).encode())
    verdict = verify(bundle, trust, view, now_s=NOW)
    assert verdict.state is State.UNKNOWN
    assert verdict.block is None
    assert view.asked == ["chain_id"]


def test_each_aspect_names_its_worst_step():
    vector = next(vector for vector in all_vectors() if vector.name == "node_silent_and_value_changed").to_json()
    verdict = evaluate(vector)
    assert (verdict.aspect(Aspect.INTEGRITY).state, verdict.aspect(Aspect.INTEGRITY).step) == (State.INVALID, 4)
    assert verdict.aspect(Aspect.STATUS).state is State.UNKNOWN
    assert verdict.state is State.INVALID
    assert verdict.exit_code == EXIT_CODES[State.INVALID] == 1
    document = verdict.to_json()
    assert json.loads(json.dumps(document)) == document
    assert set(document["aspects"]) == {aspect.value for aspect in Aspect}


def test_custody_is_always_said():
    notes = {note.code for note in evaluate(all_vectors()[0].to_json()).notes}
    assert {"chain.note.department_demo", "chain.note.grant_custody"} <= notes


def test_the_numbered_list_is_that_of_the_steps():
    listed = re.findall(r"^ ?(\d+)\. (\w+) +(.*)$", inspect.getdoc(verifier), re.MULTILINE)
    assert [(int(number), aspect) for number, aspect, _ in listed] == [(s.number, s.aspect.value) for s in STEPS]
    for step in STEPS:
        assert (step.check.__doc__ or "").startswith(f"Step {step.number}. "), step.number
    assert [step.number for step in STEPS] == list(range(1, len(STEPS) + 1))
    modules = {module.__name__ for module in (certificates, chains, grants, receipts)}
    assert {step.check.__module__ for step in STEPS} == modules


def codes_in_source():
    """Reasons as the steps write them; those that are put together from a prefix are written out here."""
    source = "".join(path.read_text("utf-8") for path in sorted(CHECKS_DIR.glob("*.py")))
    found = set(re.findall(r'(?:invalid|pending|revoked|unknown|StepOutcome)\(\s*"(\w+)"', source))
    for who in ("issuer", "recipient", "authority", "counter"):
        found |= {f"{who}_{rest}" for rest in re.findall(r'f"\{who\}_(\w+)"', source)}
    for what in ("registration", "epoch"):
        found |= {f"{what}_{rest}" for rest in re.findall(r'f"\{what\}_(\w+)"', source)}
    found |= {"grant_revoked", "grant_ended", "grant_paused"}
    return {f"chain.verify.{reason}" for reason in found | {"ok", "node_silent", "chain_not_trusted"}}


def test_every_code_has_words_and_every_word_a_code():
    sections = load_texts()
    assert codes_in_source() == set(sections["findings"])
    assert {str(step.number) for step in STEPS} == set(sections["steps"])
    assert {state.value for state in State} == set(sections["states"]) == set(sections["whole"])
    assert {aspect.value for aspect in Aspect} == set(sections["aspects"])
    source = "".join(path.read_text("utf-8") for path in CHECKS_DIR.glob("*.py")) + inspect.getsource(verifier)
    notes = set(re.findall(r'note\(\s*f?"(\w+)"', source)) - {"department_", "grant_"}
    notes |= {f"department_{custody}" for custody in ("demo", "signer", "agent")}
    notes |= {f"grant_{custody}" for custody in ("custody", "own_key", "authority")}
    assert {f"chain.note.{note}" for note in notes} == set(sections["notes"])
    for section in sections.values():
        for key, entry in section.items():
            assert set(entry) == set(LANGUAGES), key
            assert all(entry.values()), key
            placeholders = [set(re.findall(r"{(\w+)}", entry[lang])) for lang in LANGUAGES]
            assert placeholders[0] == placeholders[1], key


def test_every_code_has_a_vector():
    """A code that nothing reaches would be a claim nobody has seen."""
    reached = {code for vector in all_vectors() for _, code in vector.findings.values()}
    rest = {"ok", "not_claimed", "no_witnesses"}  # those of VALID, which a vector does not spell out
    assert codes_in_source() - reached == {f"chain.verify.{code}" for code in rest}


def test_facts_fill_the_words():
    vector = next(vector for vector in all_vectors() if vector.name == "certificate_revoked").to_json()
    finding = evaluate(vector).aspect(Aspect.STATUS)
    assert text("findings", finding.code, "en", finding.facts) == "as of block 120, certificate 2 is revoked"
    assert "2025-10-" in text("notes", "chain.note.grant_over", "en", {"time": 1_760_000_000})
    assert text("findings", "chain.verify.certificate_revoked", "en", {}) == "as of block ?, certificate ? is revoked"
    assert text("findings", "chain.verify.unheard_of", "en") == "chain.verify.unheard_of"


def test_no_finding_holds_anything_of_a_person():
    """Values, names and identifiers of the bundle never come out in a verdict."""
    secrets = {"张示例", "1200.00", "示例保险", "party_insurer", "pairwise-1", "copy_1", "示范区", "amount_due"}
    for vector in all_vectors():
        if vector.format_error is None:
            said = json.dumps(evaluate(vector.to_json()).to_json(), ensure_ascii=False)
            assert not [secret for secret in secrets if secret in said], vector.name


def test_files_given_are_base64_in_vectors():
    vector = next(vector for vector in all_vectors() if vector.name == "valid_with_file").to_json()
    assert base64.b64decode(vector["file"]).startswith("姓名".encode())
    assert found_by(evaluate(vector)) == {}
