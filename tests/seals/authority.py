"""A demo authority in memory, for tests of seals: a root, an issuing authority, seals, a clock, lists."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import ec

from api.documents.ornament import demo_seal
from api.documents.pdf_writer import PdfDocument, Style
from api.documents.seals.authority import (
    AUTHORITY_ORGAN,
    Duty,
    Revoked,
    issue,
    make_crl,
    make_root,
    private_key,
    serial_of,
)
from api.documents.seals.checking import SealTrust
from api.documents.seals.devices import DemoTimeStamper, KeyDevice
from api.documents.seals.sealing import Place, SealKit, SealOrder, seal

URL = "http://seals.test.invalid/list.crl"
NOW = datetime.now(UTC)
MADE = NOW - timedelta(days=400)
TEXT = "机动车驾驶证 张三"


def key(label: str) -> ec.EllipticCurvePrivateKey:
    """A key by name, the same in every run."""
    return private_key(hashlib.sha256(label.encode()).digest())


@dataclass
class Authority:
    """One tree of certificates; `label` makes its keys another tree's."""

    label: str = "ours"
    seals: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.root_key, self.key = key(self.label + "root"), key(self.label + "issuing")
        self.root = make_root(self.root_key, MADE)
        public = self.key.public_key()
        title = "演示签发 Demo issuing"
        self.above = issue(Duty.ISSUING, AUTHORITY_ORGAN, title, public, self.root, self.root_key, MADE, crl_url=URL)
        self.clock = self._issue(Duty.TIMESTAMP, AUTHORITY_ORGAN, key(self.label + "clock"))

    def _issue(self, duty: Duty, organ: str, own: ec.EllipticCurvePrivateKey, ends: datetime | None = None) -> bytes:
        public = own.public_key()
        return issue(duty, organ, f"{organ} 演示", public, self.above, self.key, MADE, crl_url=URL, ends=ends)

    def seal_of(self, organ: str, ends: datetime | None = None) -> bytes:
        """The certificate of an organ's seal, made on first use."""
        if organ not in self.seals:
            self.seals[organ] = self._issue(Duty.SEAL, organ, key(self.label + organ), ends)
        return self.seals[organ]

    def mistaken(self, organ: str) -> None:
        """Give an organ's key a certificate that is for timestamps, not for seals."""
        self.seals[organ] = self._issue(Duty.TIMESTAMP, organ, key(self.label + organ))

    def crls(self, revoked: Sequence[tuple[bytes, datetime]] = (), at: datetime = NOW) -> tuple[bytes, ...]:
        """Lists as of `at`: the issuing authority's with what it revoked, and the root's."""
        named = [Revoked(serial_of(certificate), when) for certificate, when in revoked]
        return make_crl(self.above, self.key, named, 1, at), make_crl(self.root, self.root_key, [], 1, at)

    def kit(
        self, organ: str, *, crls: tuple[bytes, ...] | None = None, at: datetime = NOW, timed: bool = True
    ) -> SealKit:
        """A kit whose clock says `at`; without a clock where it is not `timed`."""
        chain = (self.above, self.root)
        stamper = DemoTimeStamper(KeyDevice(self.clock, key(self.label + "clock")), chain)
        stamper.fixed = at
        device = KeyDevice(self.seal_of(organ), key(self.label + organ))
        return SealKit(device, chain, crls or self.crls(), stamper if timed else None)

    def trust(self, crls: tuple[bytes, ...] | None = None) -> SealTrust:
        """What a checker pins: this root, and today's lists or those given."""
        return SealTrust((self.root,), self.crls() if crls is None else crls)


def page() -> bytes:
    """A page with a line of text."""
    document = PdfDocument("试")
    document.page().text(80, 700, TEXT, Style(18))
    return document.to_bytes()


def sealed(kit: SealKit, organ: str = "某市公安局") -> bytes:
    """A page with one seal that is seen."""
    return seal(page(), kit, SealOrder("doc1", "签发", Place(demo_seal(organ), 450, 200)))
