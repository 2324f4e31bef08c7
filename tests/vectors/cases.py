"""How golden vectors are written: a good delivery, one thing changed, and what each step must then find.

Each case says beforehand what every step that is not plainly well must answer.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from chain.bundle import Bundle, parse_bundle
from chain.errors import FormatError
from chain.receipt import ReceiptKind
from chain.strict import hex0x
from chain.trustfile import parse_trust_file
from chain.verdict import Aspect, State, Verdict
from chain.verify import verify
from tests.vectors.recorded import RecordedView
from tests.vectors.world import (
    ENTITY_ID,
    NOW,
    TIMES,
    World,
    as_json,
    jwk,
    party_id,
)

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
                "aspects": aspects(self.findings),
                "custody": custody(self.bundle),
                "block": None if silent_or_foreign(self.findings) else self.view["block"][0],
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


# Which step settles what (docs/formats.md); said here again, for a step that moves must be noticed.
ASPECTS = {
    "integrity": (1, 2, 3, 4, 5, 6, 14, 15, 16, 17, 22),
    "issuer": (7,),
    "grant": (9, 10, 11, 12, 18, 19),
    "status": (8, 13),
    "time": (20, 21),
}


LEVELS = frozenset(
    {f"department_{level}" for level in ("demo", "signer", "agent")}
    | {f"grant_{level}" for level in ("custody", "own_key", "authority")}
    | {"said_at_counter"}
)


def aspects(findings: Findings) -> dict[str, list[str]]:
    """State and code of each aspect: its worst finding, the first of several; VALID stands without a code."""
    order = [state.value for state in State]
    told = {}
    for aspect, steps in ASPECTS.items():
        found = [findings[step] for step in steps if step in findings]
        told[aspect] = list(max(found, key=lambda one: order.index(one[0]))) if found else ["VALID"]
    return told


def custody(bundle: dict[str, Any]) -> list[str]:
    """Who holds which key, as the verifier must say it: departments, grant, and whose word that of a counter is."""
    grant = bundle.get("grant")
    binding = grant["binding"] if grant and grant["binding"] else {}
    departments = {one["custody"] for one in bundle.get("certificates", [])}
    departments |= {binding["custody"]} if "custody" in binding else set()
    told = [f"department_{level}" for level in sorted(departments)]
    told += [f"grant_{grant['terms']['custody']}"] if grant else []
    return told + (["said_at_counter"] if "custody" in binding else [])


def silent_or_foreign(findings: Findings) -> bool:
    """Whether no block was asked for: the bundle names another chain, or the node is silent or another one."""
    return any(step in findings for step in (1, 2))


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
    told = {aspect: verdict.aspect(aspect) for aspect in Aspect}
    said = {
        aspect.value: ["VALID"] if found.state is State.VALID else [found.state.value, found.code]
        for aspect, found in told.items()
    }
    assert said == expected["aspects"], said
    notes = [note.code.removeprefix("chain.note.") for note in verdict.notes]
    levels = [note for note in notes if note in LEVELS]
    assert levels == expected["custody"], levels
    assert (None if verdict.block is None else verdict.block.number) == expected["block"], verdict.block


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


def forged_admission(*admins: bytes) -> Change:
    department = hex0x(party_id("party_dept"))
    return put("admission", department, value=[hex0x(admin) for admin in admins], of="view")


def grant_record(**changes: Any) -> Change:
    return put("grant", hex0x(WORLD.grant_digest), edit=lambda record: record | changes, of="view")


def with_terms(**changes: Any) -> Bundle:
    return WORLD.bundle(grant=WORLD.make_grant(WORLD.terms() | changes))


def changed(*changes: Any) -> Bundle:
    return WORLD.bundle(grant=replace(WORLD.grant, changes=changes))


def certificates_only() -> Bundle:
    bundle = WORLD.bundle()
    return Bundle(bundle.chain_id, bundle.contracts, bundle.certificates)


def grant_receipt() -> Bundle:
    """Evidence of the grant itself: its own receipt, no certificate."""
    bundle = WORLD.bundle()
    details = {"grant": hex0x(WORLD.grant_digest), "terms": hex0x(WORLD.grant.message.terms), "entity": ENTITY_ID}
    receipt, log, _ = WORLD.receipt(details, kind=ReceiptKind.GRANT, time_s=APPROVED)
    return Bundle(bundle.chain_id, bundle.contracts, (), WORLD.grant, receipt, None, log, None)


C0 = ("certificates", 0)
KEY = hex0x(jwk(WORLD.http_key).thumbprint)
DEPARTMENT = hex0x(party_id("party_dept"))
ENTITY = hex0x(party_id(ENTITY_ID))
ANCHOR0 = f"{hex0x(WORLD.issuer)}/{hex0x(WORLD.certificates[0].root)}"
ANCHOR1 = f"{hex0x(WORLD.issuer)}/{hex0x(WORLD.certificates[1].root)}"
