"""Who holds a seal's private key, and the timestamps that go with a seal.

The seam for hardware: a seal asks its key for signatures only, through `SealDevice`. `KeyDevice` keeps the key in
memory, from a scalar or a PKCS#12 file; `token.TokenDevice` asks a token behind PKCS#11.
"""

from datetime import UTC, datetime
from typing import Protocol

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12
from pyhanko.sign import general
from pyhanko.sign.general import simple_cms_attribute
from pyhanko.sign.signers import Signer
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.timestamps.common_utils import get_nonce
from pyhanko_certvalidator.registry import SimpleCertificateStore

from api.errors import ApiError, Kind

_POLICY = "1.3.6.1.4.1.57264.999.1"  # the demo authority's policy for timestamps; production asks a real authority
_RSA_BITS = 2048


class SealDevice(Protocol):
    """A seal's certificate and its key, wherever that is."""

    @property
    def certificate(self) -> bytes:
        """The certificate, DER."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The signature over `message` with SHA-256: ECDSA as DER, or RSA PKCS#1 v1.5, as the certificate's key is."""
        ...


class KeyDevice:
    """A key in memory: the demo authority's seals and those of PKCS#12 files."""

    def __init__(self, certificate: bytes, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
        self._certificate = certificate
        self._key = key

    @property
    def certificate(self) -> bytes:
        """The certificate, DER."""
        return self._certificate

    def sign(self, message: bytes) -> bytes:
        """As `SealDevice.sign`."""
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            return self._key.sign(message, ec.ECDSA(hashes.SHA256()))
        return self._key.sign(message, padding.PKCS1v15(), hashes.SHA256())


def read_pkcs12(data: bytes, password: bytes) -> tuple[KeyDevice, tuple[bytes, ...]]:
    """A seal from a PKCS#12 file, and the further certificates in it, DER.

    Raises ApiError `seals.pkcs12`: not such a file, another password, no key, or a key that is neither P-256 nor RSA
    of at least 2048 bits.
    """
    try:
        held = pkcs12.load_pkcs12(data, password)
    except ValueError:
        raise ApiError("seals.pkcs12", Kind.INTERNAL) from None
    key = held.key
    if (
        held.cert is None
        or not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
        or not good_key(key.public_key())
    ):
        raise ApiError("seals.pkcs12", Kind.INTERNAL)
    others = tuple(one.certificate.public_bytes(Encoding.DER) for one in held.additional_certs)
    return KeyDevice(held.cert.certificate.public_bytes(Encoding.DER), key), others


def good_key(public: object) -> bool:
    """Whether a seal's key may be of this kind: P-256, or RSA of at least 2048 bits."""
    if isinstance(public, ec.EllipticCurvePublicKey):
        return public.curve.name == "secp256r1"
    return isinstance(public, rsa.RSAPublicKey) and public.key_size >= _RSA_BITS


class DeviceSigner(Signer):
    """What pyHanko signs with: it makes the CMS message, the device makes the signature."""

    def __init__(self, device: SealDevice, chain: tuple[bytes, ...]) -> None:
        certificate = asn1_x509.Certificate.load(device.certificate)
        store = SimpleCertificateStore()
        store.register_multiple(asn1_x509.Certificate.load(one) for one in chain)
        super().__init__(signing_cert=certificate, cert_registry=store, embed_roots=False)
        self._device = device
        self._room = 80 if certificate.public_key.algorithm == "ec" else certificate.public_key.byte_size

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
        """The signature, or zeros of its size while pyHanko measures."""
        if digest_algorithm != "sha256":
            raise ApiError("seals.digest", Kind.INTERNAL)
        return bytes(self._room) if dry_run else self._device.sign(data)


class DemoTimeStamper(TimeStamper):
    """A timestamp authority within the process (RFC 3161), for the demo: its time is this machine's, and no more."""

    def __init__(self, device: SealDevice, chain: tuple[bytes, ...]) -> None:
        super().__init__(include_nonce=True)  # type: ignore[no-untyped-call]  # pyHanko leaves this one out
        self._device = device
        self._certificate = asn1_x509.Certificate.load(device.certificate)
        self._chain = tuple(asn1_x509.Certificate.load(one) for one in chain)
        self.fixed: datetime | None = None

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        """Answer a request at once."""
        imprint = req["message_imprint"]
        digest = imprint["hash_algorithm"]["algorithm"].native
        now = (self.fixed or datetime.now(UTC)).replace(microsecond=0)
        said = {
            "version": "v1",
            "policy": _POLICY,
            "message_imprint": imprint,
            "serial_number": get_nonce(),
            "gen_time": now,
            "tsa": asn1_x509.GeneralName(name="directory_name", value=self._certificate.subject),
        }
        if req["nonce"].native is not None:
            said["nonce"] = req["nonce"]
        content = tsp.TSTInfo(said).dump()
        hashed = hashes.Hash(hashes.SHA256())
        hashed.update(content)
        attributes = cms.CMSAttributes(
            [
                simple_cms_attribute("content_type", "tst_info"),
                simple_cms_attribute("signing_time", cms.Time({"utc_time": core.UTCTime(now)})),
                simple_cms_attribute("signing_certificate_v2", general.as_signing_certificate_v2(self._certificate)),
                simple_cms_attribute("message_digest", hashed.finalize()),
            ]
        )
        algorithm = "sha256_ecdsa" if self._certificate.public_key.algorithm == "ec" else "sha256_rsa"
        signer = cms.SignerInfo(
            {
                "version": "v1",
                "sid": cms.SignerIdentifier(
                    {
                        "issuer_and_serial_number": cms.IssuerAndSerialNumber(
                            {"issuer": self._certificate.issuer, "serial_number": self._certificate.serial_number}
                        )
                    }
                ),
                "digest_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}),
                "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": algorithm}),
                "signed_attrs": attributes,
                "signature": self._device.sign(attributes.dump()),
            }
        )
        if digest != "sha256":
            raise ApiError("seals.digest", Kind.INTERNAL)
        signed = cms.SignedData(
            {
                "version": "v3",
                "digest_algorithms": cms.DigestAlgorithms([algos.DigestAlgorithm({"algorithm": "sha256"})]),
                "encap_content_info": cms.EncapsulatedContentInfo(
                    {"content_type": cms.ContentType("tst_info"), "content": cms.ParsableOctetString(content)}
                ),
                "certificates": [*self._chain, self._certificate],
                "signer_infos": [signer],
            }
        )
        token = cms.ContentInfo({"content_type": cms.ContentType("signed_data"), "content": signed})
        status = tsp.PKIStatusInfo({"status": tsp.PKIStatus("granted")})
        return tsp.TimeStampResp({"status": status, "time_stamp_token": token})
