"""Receipts and promises, C2SP notes and checkpoints (with the reference implementation's own vector)."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, strategies

from chain.canonical import INT_LIMIT, canonical, tagged_hash
from chain.errors import CanonicalError, FormatError, SignatureError
from chain.merkle import leaf_hash
from chain.note import (
    Checkpoint,
    checkpoint_text,
    key_id,
    open_checkpoint,
    open_note,
    parse_checkpoint,
    sign_checkpoint,
    sign_note,
)
from chain.receipt import (
    MARK_FIELDS,
    ReceiptKind,
    details_commitment,
    log_id,
    mark_commitment,
    promise_bytes,
    receipt_leaf,
    receipt_leaf_bytes,
    receipt_leaf_hash,
    sign_promise,
    verify_promise,
)

KEY = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
PUBLIC = KEY.public_key().public_bytes_raw()
LOG = log_id(PUBLIC)
SALT = b"\x02" * 32

# The key and note of Go's reference implementation (golang.org/x/mod/sumdb/note, note_test.go).
GO_NAME = "PeterNeumann"
GO_KEY_ID = "c74f20a3"
GO_PUBLIC = base64.b64decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")[1:]
GO_PRIVATE = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_SIGNATURE = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
GO_NOTE = f"{GO_TEXT}\n\N{EM DASH} {GO_NAME} {GO_SIGNATURE}\n"


def test_the_reference_note_is_made_and_opened():
    assert key_id(GO_NAME, GO_PUBLIC).hex() == GO_KEY_ID
    assert sign_note(GO_TEXT, GO_NAME, Ed25519PrivateKey.from_private_bytes(GO_PRIVATE)) == GO_NOTE
    assert open_note(GO_NOTE, GO_NAME, GO_PUBLIC) == GO_TEXT


def test_no_changed_character_of_a_note_passes():
    for at in range(len(GO_NOTE)):
        changed = GO_NOTE[:at] + ("x" if GO_NOTE[at] != "x" else "y") + GO_NOTE[at + 1 :]
        with pytest.raises((FormatError, SignatureError)):
            open_note(changed, GO_NAME, GO_PUBLIC)


def test_witnesses_may_sign_beside_the_log():
    witness = sign_note(GO_TEXT, "witness.test", KEY).rsplit("\n\n", 1)[1]
    assert open_note(GO_NOTE + witness, GO_NAME, GO_PUBLIC) == GO_TEXT
    with pytest.raises(SignatureError) as caught:
        open_note(f"{GO_TEXT}\n{witness}", GO_NAME, GO_PUBLIC)
    assert caught.value.code == "chain.signature.note_unsigned"


def test_a_wrong_signature_beside_a_right_one_is_refused():
    wrong = base64.b64encode(key_id(GO_NAME, GO_PUBLIC) + bytes(64)).decode()
    with pytest.raises(SignatureError) as caught:
        open_note(f"{GO_NOTE}\N{EM DASH} {GO_NAME} {wrong}\n", GO_NAME, GO_PUBLIC)
    assert caught.value.code == "chain.signature.note"


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text\n",
        "text\n\n",
        GO_NOTE.rstrip("\n"),
        GO_NOTE.replace("\N{EM DASH}", "-"),
        GO_NOTE.replace(GO_SIGNATURE, "!"),
        GO_NOTE.replace(GO_SIGNATURE, "AAAA"),
        GO_NOTE.replace("answer", "ans\twer"),
        GO_NOTE + f"\N{EM DASH} a+b {GO_SIGNATURE}\n",
        "x" * 70_000 + GO_NOTE,
        GO_NOTE + f"\N{EM DASH} witness {GO_SIGNATURE}\n" * 100,
        GO_NOTE + "\N{EM DASH} witness\n",
        GO_NOTE + "\N{EM DASH} witness AAAAAA==\n",
        GO_NOTE + f"\N{EM DASH} witness {GO_SIGNATURE[:-3]}N=\n",
    ],
)
def test_what_is_no_note_is_refused(note):
    with pytest.raises(FormatError) as caught:
        open_note(note, GO_NAME, GO_PUBLIC)
    assert caught.value.code == "chain.format.note"


def test_checkpoint_round_trip():
    checkpoint = Checkpoint(LOG, 7, hashlib.sha256(b"root").digest())
    note = sign_checkpoint(checkpoint, KEY)
    assert note.startswith(f"{LOG}\n7\n{base64.b64encode(checkpoint.root).decode()}\n\n\N{EM DASH} {LOG} ")
    assert open_checkpoint(note, LOG, PUBLIC) == checkpoint
    # Further lines are extensions and change nothing (c2sp.org/tlog-checkpoint).
    extended = sign_note(checkpoint_text(checkpoint) + "extension\n", LOG, KEY)
    assert open_checkpoint(extended, LOG, PUBLIC) == checkpoint
    with pytest.raises(FormatError):
        open_checkpoint(sign_note(checkpoint_text(Checkpoint("other", 7, checkpoint.root)), LOG, KEY), LOG, PUBLIC)


ROOT_TEXT = base64.b64encode(bytes(31) + b"\x01").decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "o\n7\n",
        f"o\n07\n{ROOT_TEXT}\n",
        f"o\n-7\n{ROOT_TEXT}\n",
        f"o\n٧\n{ROOT_TEXT}\n",
        f"o\n{2**63}\n{ROOT_TEXT}\n",
        "o\n7\nAAAA\n",
        f"o\n7\n{ROOT_TEXT.rstrip('=')}\n",
        f"o\n7\n{ROOT_TEXT[:-2]}F=\n",
        f"o\n7\n{ROOT_TEXT}\n\nx\n",
        f"\n7\n{ROOT_TEXT}\n",
    ],
)
def test_malformed_checkpoints_are_refused(text):
    with pytest.raises(FormatError):
        parse_checkpoint(text)


def test_names_and_texts_that_make_no_note_are_refused():
    for name in ("", "a b", "a+b", "a\u3000b"):
        with pytest.raises(FormatError):
            sign_note("text\n", name, KEY)
    for text in ("text", "te\x01xt\n"):
        with pytest.raises(FormatError):
            sign_note(text, "name", KEY)
    with pytest.raises(FormatError):
        checkpoint_text(Checkpoint(LOG, -1, bytes(32)))
    with pytest.raises(FormatError):
        checkpoint_text(Checkpoint("two words", 1, bytes(32)))


def test_receipt_leaf_and_promise():
    commitment = details_commitment(SALT, {"reason": "x"})
    assert commitment == tagged_hash("mydata/receipt-details/1", SALT, b'{"reason":"x"}')
    leaf = receipt_leaf_bytes(ReceiptKind.DELIVERY, LOG, 4, 99, commitment)
    expected = f'{{"commitment":"0x{commitment.hex()}","kind":"delivery","log":"{LOG}","number":4'
    assert leaf == f'{expected},"schema":"mydata/receipt/1","time":99}}'.encode()
    hashed = receipt_leaf_hash(leaf)
    assert hashed == leaf_hash(leaf)
    promise = sign_promise(KEY, LOG, 4, hashed)
    verify_promise(PUBLIC, LOG, 4, hashed, promise)
    other = Ed25519PrivateKey.from_private_bytes(b"\x03" * 32).public_key().public_bytes_raw()
    for arguments in (
        (other, LOG, 4, hashed, promise),
        (PUBLIC, LOG + "0", 4, hashed, promise),
        (PUBLIC, LOG, 5, hashed, promise),
        (PUBLIC, LOG, 4, bytes(32), promise),
        (PUBLIC, LOG, 4, hashed, bytes(64)),
        (PUBLIC, LOG, 4, hashed, promise[:-1]),
    ):
        with pytest.raises(SignatureError) as caught:
            verify_promise(*arguments)
        assert caught.value.code == "chain.signature.promise"
    assert canonical({"schema": "mydata/promise/1", "log": LOG, "number": 4, "leaf_hash": "0x" + hashed.hex()}) == (
        promise_bytes(LOG, 4, hashed)
    )


@given(
    kind=strategies.sampled_from(ReceiptKind),
    log=strategies.text(),
    number=strategies.integers(0, INT_LIMIT),
    time_s=strategies.integers(0, INT_LIMIT),
    digest=strategies.binary(min_size=32, max_size=32),
)
def test_leaf_and_promise_are_written_as_canonical_json_is(kind, log, number, time_s, digest):
    assert receipt_leaf_bytes(kind, log, number, time_s, digest) == canonical(
        receipt_leaf(kind, log, number, time_s, digest)
    )
    promise = {"schema": "mydata/promise/1", "log": log, "number": number, "leaf_hash": "0x" + digest.hex()}
    assert promise_bytes(log, number, digest) == canonical(promise)


@pytest.mark.parametrize("arguments", [("\ud800", 0, 0), (LOG, INT_LIMIT + 1, 0), (LOG, 0, INT_LIMIT + 1)])
def test_what_canonical_json_cannot_hold_is_in_no_leaf(arguments):
    log, number, time_s = arguments
    with pytest.raises(CanonicalError):
        receipt_leaf_bytes(ReceiptKind.RETURN, log, number, time_s, bytes(32))
    if not time_s:
        with pytest.raises(CanonicalError):
            promise_bytes(log, number, bytes(32))


def test_log_id_names_the_key():
    assert f"mydata/log/{hashlib.sha256(PUBLIC).hexdigest()[:16]}" == LOG
    with pytest.raises(FormatError):
        log_id(PUBLIC[:-1])


def test_mark_has_exactly_its_fields():
    document = dict.fromkeys(MARK_FIELDS, "x")
    assert mark_commitment(SALT, document) == tagged_hash("mydata/mark/1", SALT, canonical(document))
    for wrong in ({**document, "more": "x"}, {name: "x" for name in MARK_FIELDS if name != "copy"}):
        with pytest.raises(FormatError):
            mark_commitment(SALT, wrong)
    with pytest.raises(CanonicalError):
        mark_commitment(b"short", document)
    with pytest.raises(CanonicalError):
        details_commitment(b"short", {})
    for number, leaf in ((-1, bytes(32)), (0, bytes(31))):
        with pytest.raises(FormatError):
            promise_bytes(LOG, number, leaf)


@pytest.mark.parametrize("arguments", [(-1, 0, bytes(32)), (0, -1, bytes(32)), (0, 0, bytes(31))])
def test_impossible_leaves_are_refused(arguments):
    with pytest.raises(FormatError):
        receipt_leaf_bytes(ReceiptKind.RETURN, LOG, *arguments)
