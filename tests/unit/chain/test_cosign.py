"""Keys of notes, cosignatures and tiles, against what others published and made.

The note, its keys and its cosignature were made by github.com/transparency-dev/formats v0.1.1 (`note.GenerateKey`,
`NewSignerForCosignatureV1`) with golang.org/x/mod v0.42.0.
"""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from chain.cosign import (
    COSIGNATURE_ALGORITHM,
    add_lines,
    cosign,
    parse_key,
    parse_secret,
    parse_witness_key,
    read_cosignatures,
    secret_text,
    witness_key,
)
from chain.errors import FormatError, SignatureError
from chain.note import SignatureLine, open_note, sign_note, split_note

WITNESS_SECRET = "PRIVATE+KEY+witness.example/w1+2e4dfd94+Afp6NQs+qfo0xJEzj1nTiM0HEGvb5LYB5YrDyQXSJAiH"
WITNESS = "witness.example/w1+6ddc68ef+BPUiWrtfVn4ZYe2zoACOswOgNK04b0dFgOSQDX6styII"
LOG_SECRET = "PRIVATE+KEY+log.example/one+813c23ec+Aepq5G8QkHqU/20RtCJAHDYCA9ahIxmmNanPHj2MBQNc"
LOG = "log.example/one+813c23ec+Af4KmXxl8aNuVQ3yLbqlf5zUaszlkkjKgW/JaT/+6JvQ"
TEXT = "log.example/one\n123\nf+7CoKgXKE/tNys9TTXcr/ad6U/K3xvznmzew9y6SP0=\n"
LOG_LINE = (
    "\N{EM DASH} log.example/one "
    "gTwj7BxqJq2aujPmYxbuK5Wf6ST2hU9uDh8LCR+yxFsR6RuOLwKJMzJDYUOLDWEK0C4fW1E+SR844GZlDkq6brA1eAg=\n"
)
WITNESS_LINE = (
    "\N{EM DASH} witness.example/w1 "
    "bdxo7wAAAABrBBxMphpqSgDaza+7xTM84epr+Uar2zdShB/18bZuyQku1kdHOfaywmg9YiaKMEmemdqA0JDhGrqcF8TDfXzhnAoTCw==\n"
)
NOTE = f"{TEXT}\n{LOG_LINE}{WITNESS_LINE}"
SIGNED_AT = 0x6B041C4C
SHORT_LINE = f"\N{EM DASH} witness.example/w1 {base64.b64encode(bytes.fromhex('6ddc68ef') + b'short').decode()}\n"

# A checkpoint in c2sp.org/tlog-cosignature, whose keys are not published: only its form can be held against ours.
EXAMPLE = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "\N{EM DASH} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9"
    "nTo+zyWE+xeMcTOAYQ8=\n"
    "\N{EM DASH} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZ"
    "qhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)


def test_the_reference_cosignature_is_read():
    (found,) = read_cosignatures(NOTE, [parse_witness_key(WITNESS)])
    assert (found.witness.name, found.time_s) == ("witness.example/w1", SIGNED_AT)
    log = parse_key(LOG)
    assert open_note(NOTE, log.name, log.public_key) == TEXT


def test_the_reference_cosignature_is_made_to_the_byte():
    name, key = parse_secret(WITNESS_SECRET)
    assert str(witness_key(name, key)) == WITNESS
    assert secret_text(name, key) == WITNESS_SECRET
    origin, signing = parse_secret(LOG_SECRET)
    note = sign_note(TEXT, origin, signing)
    assert add_lines(note, [cosign(TEXT, name, key, SIGNED_AT)]) == NOTE


def test_the_specification_s_example_says_its_time():
    text, lines = split_note(EXAMPLE)
    assert text.startswith("example.com/behind-the-sofa\n20852163\n")
    assert [line.name for line in lines] == ["example.com/behind-the-sofa", "witness.example.com/w1"]
    # Its text says "time 1679315147".
    assert int.from_bytes(lines[1].signature[:8], "big") == 1679315147
    assert len(lines[1].signature) == 8 + 64
    assert "".join(f"{line}\n" for line in lines) == EXAMPLE.rsplit("\n\n", 1)[1]


def test_the_key_of_go_s_checksum_database_is_read():
    # https://sum.golang.org, as Go's own tool has it (cmd/go/internal/modfetch/key.go).
    text = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    assert str(parse_key(text)) == text
    with pytest.raises(FormatError):
        parse_witness_key(text)


@pytest.mark.parametrize("text", [WITNESS, LOG])
def test_no_changed_character_of_a_key_passes(text):
    for at in range(len(text)):
        for other in "x+A":
            if text[at] != other:
                with pytest.raises(FormatError) as caught:
                    parse_key(text[:at] + other + text[at + 1 :])
                assert caught.value.code == "chain.format.note_key"


def test_no_changed_character_of_a_secret_passes():
    for at in range(len(WITNESS_SECRET)):
        changed = WITNESS_SECRET[:at] + ("x" if WITNESS_SECRET[at] != "x" else "y") + WITNESS_SECRET[at + 1 :]
        with pytest.raises(FormatError) as caught:
            parse_secret(changed)
        assert changed[-20:] not in str(caught.value), "an error never repeats a secret"


@pytest.mark.parametrize(
    "changed",
    [
        NOTE.replace("\n123\n", "\n124\n"),
        NOTE.replace("bdxo7wAAAABrBBxM", "bdxo7wAAAABrBBxN"),  # another time
        NOTE.replace("nAoTCw==", "nAoTCg=="),
        NOTE.replace("bdxo7wAAAABrBBxM", "bdxo74AAAABrBBxM"),  # a time beyond 2^63
        NOTE.replace(WITNESS_LINE, SHORT_LINE),
    ],
)
def test_a_known_witness_s_wrong_line_spoils_the_note(changed):
    with pytest.raises(SignatureError) as caught:
        read_cosignatures(changed, [parse_witness_key(WITNESS)])
    assert caught.value.code == "chain.signature.cosignature"


def test_a_time_beyond_63_bits_is_none():
    name, key = parse_secret(WITNESS_SECRET)
    public = parse_witness_key(WITNESS)
    for time_s, holds in ((2**63 - 1, True), (2**63, False)):
        signed = key.sign(f"cosignature/v1\ntime {time_s}\n{TEXT}".encode())
        line = SignatureLine(name, public.key_id, time_s.to_bytes(8, "big") + signed)
        if holds:
            assert read_cosignatures(add_lines(NOTE.replace(WITNESS_LINE, ""), [line]), [public])[0].time_s == time_s
        else:
            with pytest.raises(SignatureError):
                read_cosignatures(add_lines(NOTE.replace(WITNESS_LINE, ""), [line]), [public])
    for time_s in (-1, 2**63):
        with pytest.raises(FormatError):
            cosign(TEXT, name, key, time_s)


def test_lines_of_others_are_passed_by_and_one_counts_once():
    name, key = "other.example", Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
    two = add_lines(NOTE, [cosign(TEXT, name, key, 5), cosign(TEXT, name, key, 6)])
    assert [one.witness.name for one in read_cosignatures(two, [parse_witness_key(WITNESS)])] == ["witness.example/w1"]
    both = read_cosignatures(two, [witness_key(name, key), parse_witness_key(WITNESS)])
    assert [(one.witness.name, one.time_s) for one in both] == [("witness.example/w1", SIGNED_AT), (name, 5)]
    # The same name with another key is another witness: its lines are not this one's.
    stranger = witness_key("witness.example/w1", key)
    assert read_cosignatures(NOTE, [stranger]) == ()


def test_a_log_s_own_key_is_no_witness():
    assert read_cosignatures(NOTE, [parse_key(LOG)]) == ()


@given(
    st.text(st.characters(exclude_categories=["Cs", "Z", "Cc"], exclude_characters="+"), min_size=1, max_size=20),
    st.integers(0, 2**63 - 1),
    st.binary(min_size=32, max_size=32),
)
def test_what_is_signed_is_read(name, time_s, seed):
    key = Ed25519PrivateKey.from_private_bytes(seed)
    note = add_lines(NOTE, [cosign(TEXT, name, key, time_s)])
    public = witness_key(name, key)
    assert parse_witness_key(str(public)) == public
    assert parse_secret(secret_text(name, key))[0] == name
    (found,) = read_cosignatures(note, [public])
    assert (found.witness, found.time_s, found.witness.algorithm) == (public, time_s, COSIGNATURE_ALGORITHM)


@given(st.text(max_size=300))
def test_any_text_is_a_note_or_refused(text):
    for candidate in (text, text + "\n", f"{text}\n\n{LOG_LINE}", f"{TEXT}\n{text}\n", NOTE + text):
        try:
            body, lines = split_note(candidate)
        except FormatError:
            continue
        # Nothing is lost and nothing is read in two ways: written again, it is the same note.
        assert f"{body}\n" + "".join(f"{line}\n" for line in lines) == candidate


@given(st.text(max_size=80))
def test_any_text_is_a_key_or_refused(text):
    for candidate in (text, WITNESS[:20] + text, f"{text}+6ddc68ef+BPUiWrtfVn4ZYe2zoACOswOgNK04b0dFgOSQDX6styII"):
        try:
            found = parse_key(candidate)
        except FormatError:
            continue
        assert str(found) == candidate
