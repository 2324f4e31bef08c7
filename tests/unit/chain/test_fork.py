"""What a witness may co-sign, and proofs that a log forked: found where there is one, and never made up."""

import dataclasses
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.canonical import canonical
from chain.cosign import witness_key
from chain.errors import ChainError, FormatError, ProofError, SignatureError
from chain.fork import Fork, Reason, RefusedCheckpointError, compare, consider, parse_fork
from chain.merkle import EMPTY_ROOT, consistency_proof
from chain.note import Checkpoint, checkpoint_text, sign_note
from chain.tiles import TileTree
from tests.unit.chain.tile_log import ORIGIN, TileLog, noise

STRANGER = Ed25519PrivateKey.from_private_bytes(b"\x09" * 32)
LOG = TileLog.of(700)


def tree_of(log):
    """The tree as this operator shows it."""
    return lambda size: TileTree(size, log.tile).node


def nothing(_size):
    return None


def refused(log, before, note, tree, seen=nothing):
    with pytest.raises(RefusedCheckpointError) as caught:
        consider(log, before, note, tree, seen)
    assert caught.value.code == f"chain.witness.{caught.value.reason}"
    return caught.value


@pytest.mark.parametrize(("old", "new"), [(1, 2), (255, 256), (256, 700), (300, 301), (512, 600), (0, 5)])
def test_a_log_that_grew_is_co_signed(old, new):
    assert consider(LOG.public, LOG.note(old), LOG.note(new), tree_of(LOG), nothing).size == new


def test_the_first_checkpoint_needs_its_tree_and_the_same_one_again_does_not():
    first = consider(LOG.public, None, LOG.note(300), tree_of(LOG), nothing)
    assert first.root == LOG.root(300)
    assert consider(LOG.public, LOG.note(300), LOG.note(300), nothing, nothing) == first
    assert refused(LOG.public, None, LOG.note(300), tree_of(LOG.fork(3, 400))).reason is Reason.UNPROVEN
    assert refused(LOG.public, None, LOG.note(300, noise(32)), tree_of(LOG)).reason is Reason.UNPROVEN


def test_another_origin():
    other = TileLog(LOG.entries, origin="log.example/two")
    assert refused(LOG.public, None, other.note(), tree_of(other)).reason is Reason.ORIGIN


def test_another_key_and_no_key():
    stranger = TileLog(LOG.entries, key=STRANGER)
    assert refused(LOG.public, None, stranger.note(), tree_of(LOG)).reason is Reason.KEY
    # Signed by this log's key, but under another name.
    text = checkpoint_text(Checkpoint(ORIGIN, 700, LOG.root(700)))
    assert refused(LOG.public, None, sign_note(text, "someone", LOG.key), tree_of(LOG)).reason is Reason.KEY


def test_a_signature_that_does_not_hold():
    good = LOG.note(300)
    changed = good.replace("\n300\n", "\n301\n")
    assert refused(LOG.public, None, changed, tree_of(LOG)).reason is Reason.SIGNATURE


@pytest.mark.parametrize("note", ["", "x", "<html>\n\n", "a\nb\nc\n\nd\n", sign_note("only\ntwo\n", ORIGIN, LOG.key)])
def test_what_is_no_checkpoint(note):
    assert refused(LOG.public, None, note, tree_of(LOG)).reason is Reason.MALFORMED


def test_a_shorter_log():
    found = refused(LOG.public, LOG.note(700), LOG.note(300), tree_of(LOG))
    assert (found.reason, found.fork) == (Reason.ROLLBACK, None)
    # Neither does it matter that the log no longer shows the larger tree.
    assert refused(LOG.public, LOG.note(700), LOG.note(300), tree_of(TileLog.of(300))).reason is Reason.ROLLBACK


def test_another_root_at_the_same_size():
    other = LOG.fork(200, 700)
    found = refused(LOG.public, LOG.note(700), other.note(700), nothing)
    assert found.reason is Reason.FORK
    assert found.fork.check() == (
        Checkpoint(ORIGIN, 700, LOG.root(700)),
        Checkpoint(ORIGIN, 700, other.root(700)),
    )


@pytest.mark.parametrize(
    ("at", "old", "new"), [(0, 1, 2), (255, 256, 257), (299, 300, 700), (511, 512, 513), (3, 5, 6)]
)
def test_a_longer_log_with_another_beginning(at, old, new):
    other = LOG.fork(at, new)
    found = refused(LOG.public, LOG.note(old), other.note(new), tree_of(other))
    assert found.reason is Reason.FORK
    first, second = found.fork.check()
    assert (first.size, second.size) == (old, new)
    assert found.fork.root == other.root(old)
    assert parse_fork(found.fork.to_bytes()) == found.fork


def test_a_shorter_log_that_is_another_one():
    other = LOG.fork(200, 300)
    # The log still shows the tree that was co-signed: so it proves its fork itself.
    found = refused(LOG.public, LOG.note(700), other.note(300), tree_of(LOG))
    assert found.reason is Reason.FORK
    assert found.fork.check()[0].root == other.root(300)
    # It does not; but the witness once co-signed that very size.
    found = refused(LOG.public, LOG.note(700), other.note(300), tree_of(other), {300: LOG.note(300)}.get)
    assert found.reason is Reason.FORK
    assert found.fork.check()[0].size == 300
    assert refused(LOG.public, LOG.note(700), other.note(300), tree_of(other)).reason is Reason.ROLLBACK


def test_a_log_that_shows_no_tree_of_its_own():
    # Signed, longer, and the tiles are another tree's: nothing is proven, and nothing is co-signed.
    found = refused(LOG.public, LOG.note(300), LOG.note(600), tree_of(LOG.fork(100, 600)))
    assert (found.reason, found.fork) == (Reason.UNPROVEN, None)
    short = refused(LOG.public, LOG.note(300), LOG.note(600), tree_of(TileLog.of(500)))
    assert (short.reason, short.fork) == (Reason.UNPROVEN, None)


def test_two_witnesses_who_saw_different_histories():
    other = LOG.fork(650, 690)
    for one, two in ((LOG.note(700), other.note(690)), (other.note(690), LOG.note(700))):
        found = compare(LOG.public, one, two, tree_of(LOG))
        assert found is not None
        assert [checkpoint.size for checkpoint in found.check()] == [690, 700]
    assert compare(LOG.public, LOG.note(640), other.note(690), tree_of(other)) is None
    assert compare(LOG.public, LOG.note(700), LOG.note(700), nothing) is None


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 299))
def test_a_fork_is_proven_exactly_where_histories_differ(one, two, at):
    other = LOG.fork(min(at, two), two)
    larger = LOG if one > two else other
    found = compare(LOG.public, LOG.note(one), other.note(two), tree_of(larger))
    assert (found is not None) == (at < min(one, two))
    if found is not None:
        found.check()


def test_an_honest_log_cannot_be_accused():
    """Whatever is put together from what one honest log signed proves nothing."""
    for old in (0, 1, 3, 256, 300):
        proof = tuple(consistency_proof(tree_of(LOG)(700), old, 700))
        for root in (LOG.root(old), LOG.root(700), EMPTY_ROOT, noise(32), LOG.hashes[0]):
            for path in (proof, proof[1:], (*proof, noise(32)), (LOG.root(old), *proof), ()):
                accusation = Fork(LOG.public, LOG.note(old), LOG.note(700), root, path)
                with pytest.raises(ProofError):
                    accusation.check()
    same = Fork(LOG.public, LOG.note(300), LOG.note(300), LOG.root(300), ())
    with pytest.raises(ProofError):
        same.check()


def test_a_proof_with_a_changed_part_proves_nothing():
    other = LOG.fork(299, 700)
    good = compare(LOG.public, LOG.note(300), other.note(700), tree_of(other))
    assert good is not None
    good.check()
    for wrong in (
        dataclasses.replace(good, root=noise(32)),
        dataclasses.replace(good, root=LOG.root(300)),
        dataclasses.replace(good, proof=good.proof[1:]),
        dataclasses.replace(good, proof=(noise(32), *good.proof[1:])),
        dataclasses.replace(good, first=good.second, second=good.first),
        dataclasses.replace(good, log=TileLog(LOG.entries, key=STRANGER).public),
        dataclasses.replace(good, first=TileLog(LOG.entries, key=STRANGER).note(300)),
        dataclasses.replace(good, second=good.second.replace("\n700\n", "\n701\n")),
    ):
        with pytest.raises((ProofError, SignatureError, FormatError)):
            wrong.check()


def test_proofs_are_read_strictly():
    other = LOG.fork(299, 700)
    good = compare(LOG.public, LOG.note(300), other.note(700), tree_of(other))
    assert good is not None
    document = json.loads(good.to_bytes())
    for change in (
        {"schema": "mydata/fork/2"},
        {"more": 1},
        {"log": str(witness_key("w", STRANGER))},
        {"log": "x"},
        {"root": "0x00"},
        {"proof": ["0x" + "00" * 32] * 65},
        {"first": 5},
    ):
        with pytest.raises(FormatError):
            parse_fork(canonical(document | change))
    with pytest.raises(FormatError):
        parse_fork(canonical({name: value for name, value in document.items() if name != "root"}))


def test_a_silent_log_is_no_liar():
    class SilentError(ChainError):
        pass

    def silent(_size):
        raise SilentError

    with pytest.raises(SilentError):
        consider(LOG.public, LOG.note(300), LOG.note(700), silent, nothing)
