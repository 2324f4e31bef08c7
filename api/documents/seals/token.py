"""Seals whose key is in a token behind PKCS#11 (OASIS PKCS #11 2.40), from which it never comes out.

A file names the module (the maker's shared library), the token and the key by their labels, the file with the
certificate and those above it, and the file with the PIN. python-pkcs11 is an optional part: `pip install
mydata[pkcs11]`. The module's code runs within this process; who may write the file decides which.

A token locks itself after a few wrong PINs: one that it refused is not offered again until the file holds another.
"""

import hashlib
import importlib.util
import os
import threading
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from pydantic import BaseModel, ConfigDict, ValidationError

from api.documents.seals.command import read_certificates
from api.documents.seals.devices import good_key
from api.errors import ApiError, Kind

if TYPE_CHECKING:
    import pkcs11
    from pkcs11._pkcs11 import lib

_OTHERS = 0o077


class TokenFile(BaseModel):
    """What stands in `<party id>.pkcs11.toml`. Paths are absolute, or seen from the file's folder.

    `certificate`: PEM (the seal's first, then those above it) or DER. `token` and `key`: labels (CKA_LABEL).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, str_min_length=1)

    module: str
    token: str
    key: str
    certificate: str
    pin_file: str


def read_token(path: Path) -> "tuple[TokenDevice, tuple[bytes, ...]]":
    """A seal as a file names it, and the further certificates, DER. The token itself is asked at the first signature.

    Raises ApiError `seals.token_file`: not such a file, or a certificate that is none or whose key is neither P-256
    nor RSA of at least 2048 bits; `seals.token_pin_open`: the PIN's file may be read by other accounts.
    """
    try:
        told = TokenFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        own, *above = read_certificates([path.parent / told.certificate])
        public = x509.load_der_x509_certificate(own).public_key()
        pin_file = path.parent / told.pin_file
        others_may = pin_file.stat().st_mode & _OTHERS
        pin = pin_file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError, ValidationError):
        raise ApiError("seals.token_file", Kind.INTERNAL) from None
    if not good_key(public) or not pin:
        raise ApiError("seals.token_file", Kind.INTERNAL)
    if others_may:
        raise ApiError("seals.token_pin_open", Kind.INTERNAL)
    place = (path.parent / told.module) if "/" in told.module else Path(told.module)
    return TokenDevice(own, str(place), told.token, told.key, pin), tuple(above)


class TokenDevice:
    """A key in a token, as `SealDevice` asks it. Any number of threads may sign; a module is asked by one at a time."""

    def __init__(self, certificate: bytes, module: str, token: str, key: str, pin: str) -> None:
        self._certificate = certificate
        self._module, self._token, self._key, self._pin = module, token, key, pin

    @property
    def certificate(self) -> bytes:
        """The certificate, DER."""
        return self._certificate

    def sign(self, message: bytes) -> bytes:
        """As `SealDevice.sign`; each signature is held against the certificate before it is used.

        Raises ApiError `seals.token_module`: no python-pkcs11, or the module does not load; `seals.token_away`: no
        such token, or it failed twice; `seals.token_pin`: it refuses the PIN, or is locked; `seals.token_key`: it
        has no such private key, several, or another than the certificate's.
        """
        public = x509.load_der_x509_certificate(self._certificate).public_key()
        curve = isinstance(public, ec.EllipticCurvePublicKey)
        made = _module(self._module).sign(_Place(self._token, self._key, self._pin), message, curve=curve)
        try:
            if isinstance(public, ec.EllipticCurvePublicKey):
                public.verify(made, message, ec.ECDSA(hashes.SHA256()))
            elif isinstance(public, rsa.RSAPublicKey):
                public.verify(made, message, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            raise ApiError("seals.token_key", Kind.INTERNAL) from None
        return made


@dataclass(frozen=True, slots=True)
class _Place:
    token: str
    key: str
    pin: str = field(repr=False)

    @property
    def tried(self) -> tuple[str, bytes]:
        """Which token was offered which PIN, without the PIN."""
        return self.token, hashlib.sha256(self.pin.encode()).digest()


@dataclass(slots=True)
class _Module:
    """A loaded module with an open session for each token; a login holds for the process (PKCS #11 2.40, 5.6)."""

    path: str
    lock: threading.Lock = field(default_factory=threading.Lock)
    sessions: "dict[str, pkcs11.Session]" = field(default_factory=dict)
    refused: set[tuple[str, bytes]] = field(default_factory=set)
    process: int = 0

    def sign(self, place: _Place, message: bytes, *, curve: bool) -> bytes:
        import pkcs11

        with self.lock:
            if self.process != os.getpid():
                self._begin_anew()
            try:
                return self._sign(place, message, curve=curve)
            except ApiError as error:
                # A token that came since the module began is seen only by a module that begins anew.
                if error.code != "seals.token_away":
                    raise
            except pkcs11.PKCS11Error:
                pass  # taken out and put back, or its session ended: once more
            self._begin_anew()
            try:
                return self._sign(place, message, curve=curve)
            except pkcs11.PKCS11Error:
                self._begin_anew()
                raise ApiError("seals.token_away", Kind.UNAVAILABLE) from None

    def _sign(self, place: _Place, message: bytes, *, curve: bool) -> bytes:
        import pkcs11
        from pkcs11.util.ec import encode_ecdsa_signature

        session = self.sessions.get(place.token) or self._open(place)
        kind = pkcs11.KeyType.EC if curve else pkcs11.KeyType.RSA
        try:
            key = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, key_type=kind, label=place.key)
        except (pkcs11.NoSuchKey, pkcs11.MultipleObjectsReturned):
            raise ApiError("seals.token_key", Kind.INTERNAL) from None
        assert isinstance(key, pkcs11.SignMixin)
        if curve:
            digest = hashlib.sha256(message).digest()
            return encode_ecdsa_signature(key.sign(digest, mechanism=pkcs11.Mechanism.ECDSA))
        return bytes(key.sign(message, mechanism=pkcs11.Mechanism.SHA256_RSA_PKCS))

    def _open(self, place: _Place) -> "pkcs11.Session":
        import pkcs11

        if place.tried in self.refused:
            raise ApiError("seals.token_pin", Kind.INTERNAL)
        try:
            token = _library(self.path).get_token(token_label=place.token)
        except (pkcs11.NoSuchToken, pkcs11.MultipleTokensReturned):
            raise ApiError("seals.token_away", Kind.UNAVAILABLE) from None
        try:
            session = token.open(user_pin=place.pin)
        except (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange, pkcs11.PinLocked, pkcs11.PinExpired):
            self.refused.add(place.tried)
            raise ApiError("seals.token_pin", Kind.INTERNAL) from None
        self.sessions[place.token] = session
        return session

    def _begin_anew(self) -> None:
        """Begin the module anew, ending its sessions: a fork's child must, and it sees the tokens that came since."""
        import pkcs11

        self.sessions.clear()
        try:
            _library(self.path).reinitialize()
        except pkcs11.PKCS11Error:
            raise ApiError("seals.token_module", Kind.UNAVAILABLE) from None
        self.process = os.getpid()


_modules: dict[str, _Module] = {}
_lock = threading.Lock()


def _module(path: str) -> _Module:
    if importlib.util.find_spec("pkcs11") is None:
        raise ApiError("seals.token_module", Kind.UNAVAILABLE)
    with _lock:
        return _modules.setdefault(path, _Module(path))


def _library(path: str) -> "lib":
    import pkcs11

    try:
        return pkcs11.lib(path)
    except (RuntimeError, OSError):  # PKCS11Error is a RuntimeError
        raise ApiError("seals.token_module", Kind.UNAVAILABLE) from None
