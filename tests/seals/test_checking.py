"""A seal is accepted by pyHanko's own validator and by our check; what was altered, ended or revoked is not."""

import hashlib
import io
import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pypdfium2
import pytest
from asn1crypto import x509 as asn1_x509
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.timestamps import TimestampRequestError
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.dss import DocumentSecurityStore

from api.documents.ornament import demo_seal
from api.documents.seals import checking
from api.documents.seals.apart import check_apart
from api.documents.seals.checking import SealTrust, check
from api.documents.seals.sealing import Place, SealOrder, seal
from api.documents.seals.verdict import Outcome, SealVerdict, Step
from api.errors import ApiError, Kind
from tests.seals.authority import NOW, TEXT, Authority, page, sealed

ORGAN = "某市公安局"
SECOND = "某省教育厅"
AFTER = NOW + timedelta(seconds=5)


@pytest.fixture(scope="module")
def ours() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def certificate(ours: Authority) -> bytes:
    return sealed(ours.kit(ORGAN))


def steps(verdict: SealVerdict) -> set[Step]:
    return {one.step for one in verdict.findings}


def pyhanko_says(pdf: bytes, root: bytes) -> list[bool]:
    reader = PdfFileReader(io.BytesIO(pdf))
    options = {
        "trust_roots": [asn1_x509.Certificate.load(root)],
        "allow_fetching": False,
        "revocation_mode": "require",
        "moment": AFTER,
    }
    return [
        validate_pdf_signature(one, DocumentSecurityStore.read_dss(reader).as_validation_context(options)).bottom_line
        for one in reader.embedded_regular_signatures
    ]


def test_pyhankos_own_validator_accepts_with_the_root_pinned_and_revocation_required(
    ours: Authority, certificate: bytes
) -> None:
    assert pyhanko_says(certificate, ours.root) == [True]
    assert pyhanko_says(certificate, Authority("theirs").root) == [False]


def test_our_check_accepts_and_says_who_and_when(ours: Authority, certificate: bytes) -> None:
    verdict = check(certificate, ours.trust(), AFTER, hashlib.sha256(certificate).digest())
    assert (verdict.outcome, verdict.findings, verdict.number) == (Outcome.VALID, (), "doc1")
    (seen,) = verdict.seals
    assert (seen.organ, seen.timed, seen.sealed_at_s) == (ORGAN, True, int(NOW.timestamp()))
    assert "演示" in seen.name
    assert "演示" in seen.issuer


def test_the_seal_is_seen_and_is_no_text(certificate: bytes) -> None:
    plain, signed = pypdfium2.PdfDocument(page()), pypdfium2.PdfDocument(certificate)
    signed.init_forms()
    assert signed[0].get_textpage().get_text_range() == plain[0].get_textpage().get_text_range() == TEXT
    picture = signed[0].render(scale=1, may_draw_forms=True).to_pil().convert("RGB")
    red, green, blue = np.moveaxis(np.asarray(picture), 2, 0)
    assert np.count_nonzero((red > 150) & (green < 90) & (blue < 110)) > 1000


@pytest.mark.parametrize("flips", [30, pytest.param(500, marks=pytest.mark.slow)])
def test_every_flipped_byte_is_refused(ours: Authority, certificate: bytes, flips: int) -> None:
    chance, trust, digest = random.Random(20261123), ours.trust(), hashlib.sha256(certificate).digest()
    gap = certificate.index(b"/Contents <")
    # Half anywhere, half in the signature's gap, where validators look least.
    places = [chance.randrange(len(certificate)) for _ in range(flips // 2)]
    places += [gap + 11 + chance.randrange(24_000) for _ in range(flips // 2)]
    alone = 0
    for place in places:
        flipped = bytearray(certificate)
        flipped[place] ^= 1 << chance.randrange(8)
        verdict = check(bytes(flipped), trust, AFTER)
        alone += verdict.outcome is not Outcome.VALID
        assert verdict.compare(digest).outcome is Outcome.INVALID
    assert alone > flips * 0.95  # without the receipt's hash: all but some certificates that nothing rests on


def test_a_seal_that_had_ended_is_expired(ours: Authority) -> None:
    fresh = Authority("ended")
    fresh.seal_of(ORGAN, ends=NOW - timedelta(days=10))
    verdict = check(sealed(fresh.kit(ORGAN)), fresh.trust(), AFTER)
    assert verdict.outcome is Outcome.EXPIRED
    assert Step.IN_TIME in steps(verdict)
    # What ended after it was sealed stays good by its timestamp; without one nothing says when it was sealed.
    before = NOW - timedelta(days=20)
    early = fresh.crls(at=before)
    assert check(sealed(fresh.kit(ORGAN, at=before, crls=early)), fresh.trust(), AFTER).outcome is Outcome.VALID
    assert check(sealed(fresh.kit(ORGAN, timed=False)), fresh.trust(), AFTER).outcome is Outcome.EXPIRED


def test_a_revoked_seal_is_refused_though_it_embeds_an_old_clean_list(ours: Authority, certificate: bytes) -> None:
    day_ago = NOW - timedelta(days=1)
    current = ours.crls([(ours.seal_of(ORGAN), day_ago)])
    assert pyhanko_says(certificate, ours.root) == [True]  # the trap: by what the file brings along it is fine
    verdict = check(certificate, ours.trust(current), AFTER)
    assert verdict.outcome is Outcome.REVOKED
    assert Step.NOT_REVOKED in steps(verdict)
    old = sealed(ours.kit(ORGAN, at=NOW - timedelta(days=2)))
    assert check(old, ours.trust(current), AFTER).outcome is Outcome.VALID  # sealed before it was revoked
    untimed = sealed(ours.kit(ORGAN, timed=False))
    assert check(untimed, ours.trust(current), AFTER).outcome is Outcome.REVOKED


def test_a_revoked_clock_is_refused_though_the_file_embeds_an_old_clean_list(
    ours: Authority, certificate: bytes
) -> None:
    """Whoever holds a revoked clock's key dates a seal as they like: neither its time nor its lists speak for it."""
    assert check(certificate, ours.trust(), AFTER).outcome is Outcome.VALID
    current = ours.crls([(ours.clock, NOW - timedelta(hours=1))])
    for one in (certificate, sealed(ours.kit(ORGAN, at=NOW - timedelta(days=2)))):
        verdict = check(one, ours.trust(current), AFTER)
        assert (verdict.outcome, steps(verdict)) == (Outcome.REVOKED, {Step.NOT_REVOKED})


@pytest.mark.parametrize(
    ("year", "told"), [(1, None), (1969, None), (1970, 0), (2199, 7_226_582_400), (2201, None), (9999, None)]
)
def test_a_time_that_no_calendar_shows_is_not_told(year: int, told: int | None) -> None:
    assert checking._seconds(datetime(year, 1, 1, tzinfo=UTC)) == told


def test_without_a_list_of_today_nobody_knows(ours: Authority, certificate: bytes) -> None:
    stale = ours.crls(at=NOW - timedelta(days=30))
    for lists in ((), stale, Authority("theirs").crls()):
        verdict = check(certificate, ours.trust(lists), AFTER)
        assert (verdict.outcome, steps(verdict)) == (Outcome.UNKNOWN, {Step.CURRENT})


def test_another_authoritys_seal_and_another_root_are_unknown(ours: Authority, certificate: bytes) -> None:
    theirs = Authority("theirs")
    assert check(certificate, theirs.trust(), AFTER).outcome is Outcome.UNKNOWN
    assert check(certificate, SealTrust((), ours.crls()), AFTER).outcome is not Outcome.VALID


def test_a_certificate_that_is_not_for_seals_does_not_seal(ours: Authority) -> None:
    fake = Authority("ours")
    fake.mistaken(ORGAN)
    verdict = check(sealed(fake.kit(ORGAN)), ours.trust(), AFTER)
    assert verdict.outcome is Outcome.UNKNOWN


def test_what_is_added_after_the_seal_is_refused(ours: Authority, certificate: bytes) -> None:
    writer = IncrementalPdfFileWriter(io.BytesIO(certificate))
    writer.root["/Lang"] = writer.root["/Lang"]
    writer.update_root()
    out = io.BytesIO()
    writer.write(out)
    assert Step.COVERED in steps(check(out.getvalue(), ours.trust(), AFTER))
    assert check(certificate + b"\n% more", ours.trust(), AFTER).outcome is Outcome.INVALID


def test_two_seals_both_hold(ours: Authority) -> None:
    once = seal(page(), ours.kit(ORGAN), SealOrder("doc2", "签发", Place(demo_seal(ORGAN), 450, 200), more=True))
    twice = seal(
        once, ours.kit(SECOND), SealOrder("doc2", "联合签章", Place(demo_seal(SECOND), 300, 200), position=2, more=True)
    )
    assert pyhanko_says(twice, ours.root) == [True, True]
    verdict = check(twice, ours.trust(), AFTER)
    assert [(one.organ, one.outcome) for one in verdict.seals] == [(ORGAN, "valid"), (SECOND, "valid")]
    current = ours.crls([(ours.seal_of(ORGAN), NOW - timedelta(days=1))])
    worse = check(twice, ours.trust(current), AFTER)
    assert [one.outcome for one in worse.seals] == ["revoked", "valid"]
    assert worse.outcome is Outcome.REVOKED


@pytest.mark.parametrize("junk", [b"", b"%PDF-", b"%PDF-1.7\n%%EOF", b"PK\x03\x04", b"%PDF-1.7\n" + b"[" * 100_000])
def test_what_is_no_sealed_pdf_is_invalid(ours: Authority, junk: bytes) -> None:
    assert check(junk, ours.trust(), AFTER).outcome is Outcome.INVALID


def test_a_page_without_a_seal_says_so(ours: Authority) -> None:
    assert steps(check(page(), ours.trust(), AFTER)) == {Step.SEALED}


def test_apart_it_answers_the_same(ours: Authority, certificate: bytes) -> None:
    digest = hashlib.sha256(certificate).digest()
    moment = AFTER.replace(microsecond=0)
    assert check_apart(certificate, ours.trust(), moment, digest) == check(certificate, ours.trust(), moment, digest)
    broken = certificate[:-700]
    assert check_apart(broken, ours.trust(), moment).outcome is Outcome.INVALID
    assert check_apart(certificate, ours.trust(), moment, bytes(32)).outcome is Outcome.INVALID


def test_a_timestamp_authority_that_gives_none_is_told(ours: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    kit = ours.kit(ORGAN)

    async def nothing(*_: object) -> None:
        raise TimestampRequestError("no answer")

    monkeypatch.setattr(kit.timestamper, "async_request_tsa_response", nothing)
    with pytest.raises(ApiError, match=r"seals\.no_timestamp") as caught:
        sealed(kit)
    assert caught.value.kind is Kind.UNAVAILABLE
