"""The embedded authority of demo seals: certificates, timestamps' certificate and revocation lists (RFC 5280), pure.

Keys are P-256 scalars that the caller keeps; nothing here reads a clock or a file. Every name says 演示, so that no
certificate of it passes for one of a real authority. Production has certificates of a real authority instead, from
PKCS#12 files (`api.documents.seals.devices`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_ORGAN = "演示电子印章机构"
BACKDATED = timedelta(minutes=5)
"""How long before now a certificate begins: clocks of those who check differ a little."""
CRL_LIFE = timedelta(days=7)
_NAME_LIMIT = 64  # RFC 5280, ub-common-name
_PARENT_YEARS = 10
_SEAL_YEARS = 3


class Duty(StrEnum):
    """What a certificate is for."""

    ROOT = "root"
    ISSUING = "issuing"
    TIMESTAMP = "timestamp"
    SEAL = "seal"


@dataclass(frozen=True, slots=True)
class Revoked:
    """One entry of a revocation list."""

    serial: int
    at: datetime


def private_key(scalar: bytes) -> ec.EllipticCurvePrivateKey:
    """The P-256 key of 32 bytes."""
    return ec.derive_private_key(int.from_bytes(scalar, "big"), ec.SECP256R1())


def make_root(key: ec.EllipticCurvePrivateKey, now: datetime) -> bytes:
    """The root's own certificate, DER."""
    name = _name(AUTHORITY_ORGAN, "演示印章根 Demo seal root")
    return _certificate(Duty.ROOT, name, key.public_key(), name, key, now, _PARENT_YEARS, None)


def issue(
    duty: Duty,
    organ: str,
    title: str,
    public_key: ec.EllipticCurvePublicKey,
    parent: bytes,
    parent_key: ec.EllipticCurvePrivateKey,
    now: datetime,
    *,
    crl_url: str,
    ends: datetime | None = None,
) -> bytes:
    """A certificate for `public_key`, DER. `organ` is who it is for, `title` its common name; long names are cut."""
    years = _SEAL_YEARS if duty is Duty.SEAL else _PARENT_YEARS
    issuer = x509.load_der_x509_certificate(parent)
    name = _name(organ, title)
    return _certificate(duty, name, public_key, issuer.subject, parent_key, now, years, crl_url, ends)


def make_crl(
    authority: bytes, key: ec.EllipticCurvePrivateKey, revoked: Sequence[Revoked], number: int, now: datetime
) -> bytes:
    """The revocation list of an authority as of `now`, DER; good for `CRL_LIFE`."""
    issuer = x509.load_der_x509_certificate(authority)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(_second(now - BACKDATED))
        .next_update(_second(now + CRL_LIFE))
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    )
    for one in revoked:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder()
            .serial_number(one.serial)
            .revocation_date(_second(one.at))
            .add_extension(x509.CRLReason(x509.ReasonFlags.cessation_of_operation), critical=False)
            .build()
        )
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def serial_of(certificate: bytes) -> int:
    """The serial number of a certificate."""
    return x509.load_der_x509_certificate(certificate).serial_number


def life_of(certificate: bytes) -> tuple[datetime, datetime]:
    """From when until when a certificate says that it is good."""
    read = x509.load_der_x509_certificate(certificate)
    return read.not_valid_before_utc, read.not_valid_after_utc


def _certificate(
    duty: Duty,
    name: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    now: datetime,
    years: int,
    crl_url: str | None,
    ends: datetime | None = None,
) -> bytes:
    parent = duty in (Duty.ROOT, Duty.ISSUING)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_second(now - BACKDATED))
        .not_valid_after(_second(ends or now + timedelta(days=365 * years)))
        .add_extension(x509.BasicConstraints(ca=parent, path_length=0 if duty is Duty.ISSUING else None), critical=True)
        .add_extension(_usage(duty), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if duty is Duty.TIMESTAMP:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    if crl_url is not None:
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(crl_url)], None, None, None)
        builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(Encoding.DER)


def _usage(duty: Duty) -> x509.KeyUsage:
    parent = duty in (Duty.ROOT, Duty.ISSUING)
    return x509.KeyUsage(
        digital_signature=not parent,
        content_commitment=duty is Duty.SEAL,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=parent,
        crl_sign=parent,
        encipher_only=False,
        decipher_only=False,
    )


def _name(organ: str, title: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organ[:_NAME_LIMIT]),
            x509.NameAttribute(NameOID.COMMON_NAME, title[:_NAME_LIMIT]),
        ]
    )


def _second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
