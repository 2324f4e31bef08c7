"""Checking a sealed PDF without network: what its seals are worth, by roots and revocation lists given from outside.

The steps are `verdict.Step`, and each is named where it is done. What the file brings along (certificates, lists) helps
to build chains and never decides: roots are pinned, and whether a seal is revoked is read from the lists given, since a
file may embed an old list that is still clean. A timestamp of a known authority fixes the time of sealing; what is
revoked or ends later does no harm then. Without one the moment of checking counts.

A file that cannot be read is invalid, whatever the readers raise. Callers who do not trust the file run this in
`apart.check_apart`, a process without rights.
"""

import hashlib
import io
import logging
import re
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, TypeVar

from asn1crypto import cms
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko.sign.validation.status import PdfSignatureStatus, SignatureCoverageLevel, TimestampSignatureStatus
from pyhanko_certvalidator import ValidationContext

from api.documents.seals.sealing import FIELD
from api.documents.seals.verdict import Finding, Outcome, SealSeen, SealVerdict, Step

MAX_BYTES = 32 << 20
MAX_SEALS = 16
_SUBFILTER = "/ETSI.CAdES.detached"
_NUMBER = re.compile(re.escape(FIELD) + r"-([0-9a-z_]{1,64})-[0-9]{1,2}")
_SEAL_USAGE = KeyUsageConstraints(key_usage={"non_repudiation"})
_TIME = "signature_time_stamp_token"
_SECONDS_MAX = 7_258_118_400  # the beginning of 2200

# The library logs what it stumbles over, with pieces of the file; those are nobody's business.
for _library in ("pyhanko", "pyhanko_certvalidator"):
    logging.getLogger(_library).setLevel(logging.CRITICAL + 1)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class SealTrust:
    """What a check believes: root certificates and current revocation lists, DER."""

    roots: tuple[bytes, ...]
    crls: tuple[bytes, ...]


def check(pdf: bytes, trust: SealTrust, moment: datetime, expected_sha256: bytes | None = None) -> SealVerdict:
    """The verdict on a file at `moment` (with a time zone). Raises nothing, whatever the file is."""
    blank = SealVerdict(hashlib.sha256(pdf).hexdigest(), "", (), (), compared=False)
    try:
        verdict = _check(pdf, trust, moment, blank)
    except Exception:  # malformed files make the readers raise almost anything
        verdict = blank.with_finding(Finding(Step.READ))
    return verdict if expected_sha256 is None else verdict.compare(expected_sha256)


def _check(pdf: bytes, trust: SealTrust, moment: datetime, blank: SealVerdict) -> SealVerdict:
    if len(pdf) > MAX_BYTES or not pdf.startswith(b"%PDF-"):
        return blank.with_finding(Finding(Step.READ))
    reader = PdfFileReader(io.BytesIO(pdf))  # step 1
    if reader.encrypted:
        return blank.with_finding(Finding(Step.READ))
    signatures = reader.embedded_regular_signatures
    if not 1 <= len(signatures) <= MAX_SEALS:  # step 2
        return blank.with_finding(Finding(Step.SEALED))
    findings: list[Finding] = []
    seals: list[SealSeen] = []
    numbers = {_number(one) for one in signatures}
    for position, signature in enumerate(signatures, 1):
        found, seen = _check_seal(pdf, reader, signature, position, trust, moment)
        last = position == len(signatures)
        if last and signature.coverage is not SignatureCoverageLevel.ENTIRE_FILE:  # step 3
            found.append(Finding(Step.COVERED, position))
        findings += dict.fromkeys(found)
        seals.append(seen)
    number = numbers.pop() if len(numbers) == 1 else ""
    return SealVerdict(blank.sha256, number, tuple(findings), tuple(seals), compared=False)


def _number(signature: EmbeddedPdfSignature) -> str:
    match = _NUMBER.fullmatch(str(signature.field_name))
    return match[1] if match else ""


def _check_seal(
    pdf: bytes,
    reader: PdfFileReader,
    signature: EmbeddedPdfSignature,
    position: int,
    trust: SealTrust,
    moment: datetime,
) -> tuple[list[Finding], SealSeen]:
    findings: list[Finding] = []
    if signature.sig_object.get("/SubFilter") != _SUBFILTER:  # step 2
        findings.append(Finding(Step.SEALED, position))
    stamped = _stamped_at(signature)
    sealed_at = stamped or moment
    # First as of the moment of checking, for the timestamp's own sake; then the seal as of its time.
    now = _validate(reader, signature, trust, moment, moment)
    again = stamped is not None and now.intact and now.valid
    status = _validate(reader, signature, trust, sealed_at, moment) if again else now
    if not (status.intact and status.valid):  # step 4
        findings.append(Finding(Step.INTACT, position))
    harmless = (ModificationLevel.NONE, ModificationLevel.LTA_UPDATES, ModificationLevel.FORM_FILLING)
    covered = status.coverage in (SignatureCoverageLevel.ENTIRE_FILE, SignatureCoverageLevel.ENTIRE_REVISION)
    if not covered or status.modification_level not in harmless or not status.docmdp_ok:  # step 3
        findings.append(Finding(Step.COVERED, position))
    if not _gap_is_clean(pdf, signature):  # step 5
        findings.append(Finding(Step.CLEAN, position))
    if stamped is not None:  # step 7
        timestamp = now.timestamp_validity
        if timestamp is None or not (timestamp.intact and timestamp.valid) or stamped > moment:
            findings.append(Finding(Step.TIMED, position))
        else:
            failed = _stamper_failed(reader, signature, timestamp, trust, moment)
            if not (failed or timestamp.trusted):
                failed = [Step.KNOWN]
            findings += [Finding(step, position) for step in failed]
    certificate = x509.load_der_x509_certificate(signature.signer_cert.dump())
    if not certificate.not_valid_before_utc <= sealed_at <= certificate.not_valid_after_utc:  # step 8
        findings.append(Finding(Step.IN_TIME, position))
    path = _path(certificate, _around(reader, signature), trust.roots)
    if path is None:  # step 6
        findings.append(Finding(Step.KNOWN, position))
    else:
        findings += [Finding(step, position) for step in _revocation(path, trust.crls, sealed_at, moment)]
    if not status.trusted and not findings:
        # pyHanko refuses what the steps above let pass: an authority that had ended, a usage, an algorithm.
        findings.append(Finding(Step.NOT_REVOKED if status.revoked else Step.KNOWN, position))
    outcome = max((one.outcome for one in findings), key=list(Outcome).index, default=Outcome.VALID)
    seen = SealSeen(
        position,
        _attribute(certificate.subject, NameOID.COMMON_NAME),
        _attribute(certificate.subject, NameOID.ORGANIZATION_NAME),
        _attribute(certificate.issuer, NameOID.COMMON_NAME),
        f"{certificate.serial_number:x}",
        _seconds(stamped or signature.self_reported_timestamp),
        stamped is not None,
        outcome,
    )
    return findings, seen


def _validate(
    reader: PdfFileReader, signature: EmbeddedPdfSignature, trust: SealTrust, at: datetime, moment: datetime
) -> PdfSignatureStatus:
    """PyHanko's own verdict as of `at`, with pinned roots, revocation data required and the given lists beside."""

    def context(when: datetime) -> ValidationContext:
        options: dict[str, Any] = {
            "trust_roots": [asn1_x509.Certificate.load(one) for one in trust.roots],
            "crls": list(trust.crls),
            "allow_fetching": False,
            "revocation_mode": "require",
            "moment": when,
            "retroactive_revinfo": when != moment,
        }
        if "/DSS" in reader.root:
            return DocumentSecurityStore.read_dss(reader).as_validation_context(options)
        return ValidationContext(**options)

    return _finish(
        async_validate_pdf_signature(
            signature,
            signer_validation_context=context(at),
            ts_validation_context=context(moment),
            key_usage_settings=_SEAL_USAGE,
        )
    )


def _finish(work: Coroutine[object, None, _T]) -> _T:
    """The result of a coroutine that waits for nothing: without network there is nothing to wait for.

    An event loop would need descriptors, which the process for untrusted files has none of.
    """
    try:
        work.send(None)
    except StopIteration as end:
        result: _T = end.value
        return result
    work.close()
    raise RuntimeError("a check without network waited")


def _stamped_at(signature: EmbeddedPdfSignature) -> datetime | None:
    """The time that the signature's timestamp names; None without one."""
    for attribute in signature.signer_info["unsigned_attrs"] or ():
        if attribute["type"].native == _TIME:
            token: cms.SignedData = attribute["values"][0]["content"]
            moment: datetime = token["encap_content_info"]["content"].parsed["gen_time"].native
            return moment
    return None


def _stamper_failed(
    reader: PdfFileReader,
    signature: EmbeddedPdfSignature,
    timestamp: TimestampSignatureStatus,
    trust: SealTrust,
    moment: datetime,
) -> list[Step]:
    """What fails of a timestamp's own certificate at the moment of checking, by the roots and lists given alone.

    Whoever takes a revoked authority's key may date a seal as they like, so its own time is no defence.
    """
    held = [timestamp.signing_cert, *(timestamp.validation_path or ())]
    stamper, *above = [x509.load_der_x509_certificate(one.dump()) for one in held]
    path = _path(stamper, [*above, *_around(reader, signature)], trust.roots)
    return [Step.KNOWN] if path is None else _revocation(path, trust.crls, moment, moment)


def _gap_is_clean(pdf: bytes, signature: EmbeddedPdfSignature) -> bool:
    """Whether the bytes that a signature cannot cover hold the signature in one spelling, then zeros, and no more."""
    start, first, second, rest = (int(one) for one in signature.byte_range)
    gap = pdf[start + first : second]
    inner = gap[1:-1]
    if start != 0 or gap[:1] != b"<" or gap[-1:] != b">" or second + rest > len(pdf):
        return False
    if inner not in (inner.lower(), inner.upper()) or len(inner) % 2:
        return False
    raw = bytes.fromhex(inner.decode("ascii"))
    length = len(cms.ContentInfo.load(raw).dump())
    return not any(raw[length:])


def _around(reader: PdfFileReader, signature: EmbeddedPdfSignature) -> list[x509.Certificate]:
    """The certificates that the file brings along."""
    brought = list(signature.other_embedded_certs)
    if "/DSS" in reader.root:
        brought += list(DocumentSecurityStore.read_dss(reader).load_certs())
    return [x509.load_der_x509_certificate(one.dump()) for one in brought]


def _path(
    leaf: x509.Certificate, brought: Sequence[x509.Certificate], roots: Sequence[bytes]
) -> list[x509.Certificate] | None:
    """From the leaf to a given root, each issued by the next; None where there is no such way."""
    anchors = [x509.load_der_x509_certificate(one) for one in roots]
    path = [leaf]
    while len(path) <= MAX_SEALS:
        anchor = next((one for one in anchors if _issued(path[-1], one)), None)
        if anchor is not None:
            return [*path, anchor]
        parent = next((one for one in brought if one not in path and _issued(path[-1], one)), None)
        if parent is None:
            return None
        path.append(parent)
    return None


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except Exception:  # a malformed certificate raises more than its documentation says
        return False
    return True


def _revocation(
    path: Sequence[x509.Certificate], lists: Sequence[bytes], sealed_at: datetime, moment: datetime
) -> list[Step]:
    """Steps 9 and 10 for each certificate below the root, by the lists given alone."""
    failed: list[Step] = []
    crls = [x509.load_der_x509_crl(one) for one in lists]
    for certificate, issuer in pairwise(path):
        mine = [one for one in crls if _signed_by(one, issuer)]
        current = [
            one
            for one in mine
            if one.last_update_utc <= moment and one.next_update_utc is not None and moment <= one.next_update_utc
        ]
        if not current:
            failed.append(Step.CURRENT)
        # A list that is no longer current still names what was revoked by then.
        entries = [one.get_revoked_certificate_by_serial_number(certificate.serial_number) for one in mine]
        if any(entry is not None and entry.revocation_date_utc <= sealed_at for entry in entries):
            failed.append(Step.NOT_REVOKED)
    return failed


def _signed_by(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    key = issuer.public_key()
    if crl.issuer != issuer.subject or not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        return False
    try:
        return crl.is_signature_valid(key)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        return False


def _attribute(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    found = name.get_attributes_for_oid(oid)
    return str(found[0].value) if found else ""


def _seconds(moment: datetime | None) -> int | None:
    """Seconds since 1970; None for what no calendar of ours shows, which a file may name nevertheless."""
    if moment is None:
        return None
    seconds = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    return seconds if 0 <= seconds <= _SECONDS_MAX else None
