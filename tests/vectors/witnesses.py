"""Golden vectors of what witnesses signed under a receipt's checkpoint."""

from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chain.bundle import Bundle
from chain.cosign import add_lines, cosign, witness_key
from chain.note import sign_note, split_note
from chain.trustfile import Witnesses
from tests.vectors.cases import DELIVERED, NOW, WORLD, Vector, as_json, case, certificates_only, invalid, pending
from tests.vectors.world import secret

NAMES = ("witness.example/a", "witness.example/b", "witness.example/c")
KEYS = {name: Ed25519PrivateKey.from_private_bytes(secret(name)) for name in NAMES}
SEEN = DELIVERED + 60


def witnesses(quorum: int, *names: str) -> Witnesses:
    return Witnesses(tuple(witness_key(name, KEYS[name]) for name in names or NAMES), quorum)


def witnessed(*names: str, time_s: int = SEEN, over: str = "") -> Bundle:
    """A delivery under a checkpoint that these witnesses co-signed, or whose lines they made `over` another text."""
    bundle = WORLD.bundle()
    assert bundle.log is not None
    text, _ = split_note(bundle.log.checkpoint)
    lines = [cosign(over or text, name, KEYS[name], time_s) for name in names]
    return replace(bundle, log=replace(bundle.log, checkpoint=add_lines(bundle.log.checkpoint, lines)))


def _case(name: str, findings: dict[int, tuple[str, str]], bundle: Bundle, trusted: Witnesses | None) -> Vector:
    vector = case(name, findings, bundle=bundle)
    vector.trust = as_json(WORLD.trust(trusted))
    return vector


def witness_cases() -> list[Vector]:
    """Enough witnesses, too few, wrong lines, and trust files that ask for more, or for none."""
    a, b, _ = NAMES
    few = {22: ("UNKNOWN", "chain.verify.not_witnessed")}
    wrong = {22: invalid("cosignature_wrong")}
    unsigned = {n: invalid("checkpoint_not_signed") for n in (15, 16, 21, 22)}
    waiting = {n: pending("receipt_not_logged") for n in (15, 16, 21, 22)}
    by_witness_alone = witnessed()
    assert by_witness_alone.log is not None
    text, _lines = split_note(by_witness_alone.log.checkpoint)
    alone = replace(
        by_witness_alone,
        log=replace(
            by_witness_alone.log,
            checkpoint=add_lines(sign_note(text, "nobody", KEYS[a]), [cosign(text, a, KEYS[a], SEEN)]),
        ),
    )
    return [
        _case("witnessed_by_enough", {}, witnessed(a, b), witnesses(2)),
        _case("witnessed_by_all", {}, witnessed(*NAMES), witnesses(3)),
        _case("witnessed_by_too_few", few, witnessed(a), witnesses(2)),
        _case("witnessed_by_none", few, WORLD.bundle(), witnesses(1)),
        _case("witnessed_by_one_twice", few, witnessed(a, a), witnesses(2)),
        _case("witnessed_by_strangers", few, witnessed(a, b), witnesses(1, "witness.example/c")),
        _case("witnessed_where_none_is_trusted", {}, witnessed(a, b), None),
        _case("witnessed_in_the_future", few, witnessed(a, time_s=NOW + 301), witnesses(1)),
        _case("witnessed_another_checkpoint", wrong, witnessed(a, b, over=text + "more\n"), witnesses(1)),
        _case("witnessed_and_not_signed_by_the_log", unsigned, alone, witnesses(1)),
        _case("witnesses_of_a_receipt_not_logged", waiting, replace(WORLD.bundle(), log=None), witnesses(1)),
        _case("witnesses_of_certificates_alone", {}, certificates_only(), witnesses(1)),
    ]
